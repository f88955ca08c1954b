<?php
// apt install php-cli php-redis
$url = parse_url(getenv('REDIS_URL') ?: 'redis://127.0.0.1:6379');
$redis = new Redis();
$redis->connect($url['host'], $url['port'] ?? 6379);
$redis->rPush('pusher:jobs', json_encode([
    'id' => 'from-php',
    'channel' => 'orders',
    'event' => 'created',
    'data' => ['order' => 7],
]));

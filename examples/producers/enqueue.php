<?php
// Enqueues one event with phpredis.

$url = parse_url(getenv('REDIS_URL') ?: 'redis://127.0.0.1:6379');
$redis = new Redis();
$redis->connect($url['host'], $url['port'] ?? 6379);
if (isset($url['pass'])) {
    $password = rawurldecode($url['pass']);
    $redis->auth(($url['user'] ?? '') === '' ? $password : [$url['user'], $password]);
}

$redis->rPush('pusher:jobs', json_encode([
    'id' => 'order-4711',
    'channel' => 'orders',
    'event' => 'order-paid',
    'data' => ['order' => 4711, 'total' => '19.90'],
], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE));

# apt install python3-redis, or pip install redis
import json
import os

import redis

r = redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
r.rpush("pusher:jobs", json.dumps({
    "id": "from-python",
    "channel": "orders",
    "event": "created",
    "data": {"order": 7},
}))

"""Enqueues one event with redis-py."""
import json
import os

import redis

client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))

client.rpush("pusher:jobs", json.dumps({
    "id": "order-4711",
    "channel": "orders",
    "event": "order-paid",
    "data": {"order": 4711, "total": "19.90"},
}))

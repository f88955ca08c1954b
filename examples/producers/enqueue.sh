#!/bin/sh
# Enqueues one event with redis-cli.
set -eu

job='{"id": "order-4711", "channel": "orders", "event": "order-paid", "data": {"order": 4711, "total": "19.90"}}'

redis-cli -e -u "${REDIS_URL:-redis://127.0.0.1:6379}" RPUSH pusher:jobs "$job"

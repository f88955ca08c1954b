#!/bin/sh
# redis-cli, from Debian's redis-tools
redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" RPUSH pusher:jobs \
    '{"id":"from-shell","channel":"orders","event":"created","data":{"order":7}}'

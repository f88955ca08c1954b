# Enqueues one event with redis-rb.
require 'json'
require 'redis'

redis = Redis.new(url: ENV.fetch('REDIS_URL', 'redis://127.0.0.1:6379'))

redis.rpush('pusher:jobs', JSON.generate(
  id: 'order-4711',
  channel: 'orders',
  event: 'order-paid',
  data: { order: 4711, total: '19.90' }
))

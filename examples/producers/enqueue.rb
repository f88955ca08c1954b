# apt install ruby-redis, or gem install redis
require 'json'
require 'redis'

redis = Redis.new(url: ENV.fetch('REDIS_URL', 'redis://127.0.0.1:6379'))
redis.rpush('pusher:jobs', {
  id: 'from-ruby',
  channel: 'orders',
  event: 'created',
  data: { order: 7 },
}.to_json)

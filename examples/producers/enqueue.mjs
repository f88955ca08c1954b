// npm install redis
import { createClient } from 'redis';

const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
await redis.connect();
await redis.rPush('pusher:jobs', JSON.stringify({
  id: 'from-node',
  channel: 'orders',
  event: 'created',
  data: { order: 7 },
}));
await redis.quit();

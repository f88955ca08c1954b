// Enqueues one event with the package "redis".
import { createClient } from 'redis';

const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
await redis.connect();

await redis.rPush('pusher:jobs', JSON.stringify({
  id: 'order-4711',
  channel: 'orders',
  event: 'order-paid',
  data: { order: 4711, total: '19.90' },
}));

await redis.quit();

// What the node programs of the benchmark share: the events, Redis, and where to send.
// bench/run sets BENCH_* in the environment.
import http from 'node:http';
import https from 'node:https';
import Pusher from 'pusher';
import { Redis } from 'ioredis';

const env = process.env;
const payload = Number(env.BENCH_PAYLOAD);
const channels = Number(env.BENCH_CHANNELS);
const hot = Number(env.BENCH_HOT);
const prefix = env.BENCH_ENCRYPTED ? 'private-encrypted-' : 'channel-';

export const EVENT = 'message';
export const LIST = 'pusher:jobs';
const EMPTY = JSON.stringify({ text: '' }).length;

// All events have the same size, so that the sink can tell from the length of a body how many it carries.
export const channelOf = (i) => prefix + String(i % 100 < hot ? 0 : i % channels).padStart(7, '0');
const data = { text: 'x'.repeat(payload - EMPTY) };
export const eventOf = (i) => ({ channel: channelOf(i), event: EVENT, data });

// An event as it stands in a batch's body; of an encrypted one, with as many bytes.
const plain = JSON.stringify(data);
const base64 = (n) => 'A'.repeat(Math.ceil(n / 3) * 4);
const sent = env.BENCH_ENCRYPTED ? JSON.stringify({ nonce: base64(24), ciphertext: base64(plain.length + 16) }) : plain;
export const sentOf = (i) => ({ channel: channelOf(i), name: EVENT, data: sent });

export const connect = () => new Redis({ path: env.BENCH_REDIS, maxRetriesPerRequest: null });

export function client(maxSockets) {
  const { Agent } = env.BENCH_TLS ? https : http;
  return new Pusher({
    appId: 'bench', key: 'bench-key', secret: 'bench-secret', host: env.PUSHER_HOST, port: env.BENCH_PORT,
    useTLS: Boolean(env.BENCH_TLS), agent: new Agent({ keepAlive: true, maxSockets }),
    encryptionMasterKeyBase64: env.BENCH_ENCRYPTED || undefined,
  });
}

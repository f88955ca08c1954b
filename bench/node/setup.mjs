// What the node programs of the benchmark share: the events, Redis, and where to send.
// bench/run sets BENCH_* in the environment.
import http from 'node:http';
import https from 'node:https';
import Pusher from 'pusher';
import { Redis } from 'ioredis';

const env = process.env;
const payload = Number(env.BENCH_PAYLOAD);
const channels = Number(env.BENCH_CHANNELS);
const prefix = env.BENCH_ENCRYPTED ? 'private-encrypted-' : 'channel-';

export const EVENT = 'message';
export const LIST = 'pusher:jobs';
const EMPTY = JSON.stringify({ text: '' }).length;

// All events have the same size, so that the sink can tell from the length of a body how many it carries.
export const channelOf = (i) => prefix + String(i % channels).padStart(7, '0');
const data = { text: 'x'.repeat(payload - EMPTY) };
export const eventOf = (i) => ({ channel: channelOf(i), event: EVENT, data });

// Bytes of an event in a batch's body.
export function encodedSize() {
  const plain = JSON.stringify(data);
  const base64 = (n) => Math.ceil(n / 3) * 4;
  const sent = env.BENCH_ENCRYPTED
    ? JSON.stringify({ nonce: 'n'.repeat(base64(24)), ciphertext: 'c'.repeat(base64(plain.length + 16)) })
    : plain;
  return JSON.stringify({ channel: channelOf(0), name: EVENT, data: sent }).length;
}

export const connect = () => new Redis({ path: env.BENCH_REDIS, maxRetriesPerRequest: null });

export function client(maxSockets) {
  const { Agent } = env.BENCH_TLS ? https : http;
  return new Pusher({
    appId: 'bench', key: 'bench-key', secret: 'bench-secret', host: '127.0.0.1', port: env.BENCH_PORT,
    useTLS: Boolean(env.BENCH_TLS), agent: new Agent({ keepAlive: true, maxSockets }),
    encryptionMasterKeyBase64: env.BENCH_ENCRYPTED || undefined,
  });
}

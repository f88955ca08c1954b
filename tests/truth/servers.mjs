// What the truth test stands on: a private redis-server, soketi and pusherd, all on this machine's
// loopback or on unix sockets, all ending with the test.
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';

import { folder, freePort, start, until } from '../support/children.mjs';
import { Redis } from './redis.mjs';

export const here = new URL('.', import.meta.url).pathname;
export const app = {
  id: 'app-id',
  key: 'app-key',
  secret: 'app-secret',
  masterKey: 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};

const canConnect = (port) =>
  new Promise((resolve) => {
    const socket = net.createConnection(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket.destroy()));
    socket.once('error', () => resolve(false));
  });

export async function startRedis() {
  const socket = join(folder, 'redis');
  start('redis', 'redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder,
    '--save', '', '--appendonly', 'no']);
  const redis = await until('redis-server', () => Redis.connect(socket).catch(() => null));
  return { redis, redisUrl: `unix://${socket}` };
}

// soketi.json binds everything to 127.0.0.1; only ports and the webhooks' address are set here.
export async function startSoketi(webhookPort) {
  const config = JSON.parse(readFileSync(join(here, 'soketi.json'), 'utf8'));
  config.port = await freePort();
  config['metrics.port'] = await freePort();
  for (const each of config['appManager.array.apps'])
    for (const hook of each.webhooks) hook.url = `http://127.0.0.1:${webhookPort}/hook`;
  const path = join(folder, 'soketi.json');
  writeFileSync(path, JSON.stringify(config));
  start('soketi', process.execPath,
    [join(here, 'node_modules/@soketi/soketi/bin/server.js'), 'start', `--config=${path}`],
    { cwd: folder });
  await until('soketi', async () => (await canConnect(config.port)) !== false);
  return config.port;
}

export function startPusherd(binary, redisUrl, port) {
  const path = join(folder, 'pusherd.conf');
  writeFileSync(path, `[redis]
url = ${redisUrl}
[app truth]
app_id = ${app.id}
key = ${app.key}
secret = ${app.secret}
host = 127.0.0.1
port = ${port}
use_tls = off
encryption_master_key_base64 = ${app.masterKey}
max_event_bytes = 300000
`);
  return start('pusherd', binary, ['--config', path]);
}

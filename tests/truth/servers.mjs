// What the truth test stands on: a private redis-server, soketi and pusherd, all on this machine's
// loopback or on unix sockets, all ending with the test.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from './redis.mjs';

export const here = new URL('.', import.meta.url).pathname;
export const app = {
  id: 'app-id',
  key: 'app-key',
  secret: 'app-secret',
  masterKey: 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};

export const folder = mkdtempSync(join(tmpdir(), 'pusherd-truth-'));
const children = [];

process.on('exit', () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  if (!process.env.TESTS_KEEP) rmSync(folder, { recursive: true, force: true });
});

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves once the condition gives something true; looks again and again until then.
export async function until(what, condition, ms = 20000) {
  for (const end = Date.now() + ms; ; ) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await pause(5);
  }
}

export const log = (name) => {
  const path = join(folder, `${name}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

// setpriv lets the child die with this process, whatever ends it.
function start(name, command, args, options = {}) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const keep = (data) => writeFileSync(join(folder, `${name}.log`), data, { flag: 'a' });
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  children.push(child);
  return child;
}

export async function stop(child, signal = 'SIGTERM') {
  child.kill(signal);
  await until('a child to end', () => child.exitCode !== null || child.signalCode !== null);
  return child.exitCode;
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

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
  await until('redis-server', () => existsSync(socket));
  return { redis: await Redis.connect(socket), redisUrl: `unix://${socket}` };
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

// What the test of the console stands on: a private redis-server, the fake Pusher, pusherd and Chromium, all on this
// machine's loopback or on unix sockets, all ending with the test.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from '../truth/redis.mjs';

export const TOKEN = 'a-token-for-this-test-only';
export const LIST = 'pusher:jobs';
export const folder = mkdtempSync(join(tmpdir(), 'pusherd-web-'));
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
    await pause(20);
  }
}

export const log = (name) => {
  const path = join(folder, `${name}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

// setpriv lets the child die with this process, whatever ends it.
export function start(name, command, args, env = process.env) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
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

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export async function startRedis() {
  const socket = join(folder, 'redis');
  start('redis', 'redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no']);
  await until('redis-server', () => existsSync(socket));
  return Redis.connect(socket);
}

export async function startFake() {
  start('fake', process.env.FAKE_PUSHER_BIN, ['--port', '0']);
  const port = await until('the fake Pusher', () => /127\.0\.0\.1:(\d+)/.exec(log('fake'))?.[1]);
  return { port, setRules: (rules) => fetch(`http://127.0.0.1:${port}/_fake/rules`,
    { method: 'POST', body: JSON.stringify(rules) }) };
}

// `status`: lines of [status] but listen.
export async function startPusherd(name, fakePort, status) {
  const port = await freePort(), config = join(folder, `${name}.conf`);
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`);
  chmodSync(join(folder, 'token'), 0o600);
  writeFileSync(config, `[redis]\nurl = unix://${join(folder, 'redis')}\n
[app main]\napp_id = app-id\nkey = app-key\nsecret = app-secret\nhost = 127.0.0.1\nport = ${fakePort}\nuse_tls = off\n
[queue ${LIST}]\napp = main\n[status]\nlisten = 127.0.0.1:${port}\n${status}\n`);
  chmodSync(config, 0o600);
  const child = start(name, process.env.PUSHERD_BIN, ['--config', config]);
  const url = `http://127.0.0.1:${port}/`;
  await until(name, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${log(name)}`);
    return (await fetch(`${url}readyz`).catch(() => null))?.ok;
  });
  return { child, url };
}

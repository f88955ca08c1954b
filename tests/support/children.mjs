// Children of a test written in JavaScript: they write their logs into its folder, listen on this machine's loopback or on
// unix sockets, and end with it.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const folder = mkdtempSync(join(tmpdir(), 'pusherd-test-'));
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
export function start(name, command, args, options = {}) {
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

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

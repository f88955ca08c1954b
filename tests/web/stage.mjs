// What the test of the console stands on: a private redis-server, the fake Pusher, pusherd and Chromium, all on this
// machine's loopback or on unix sockets, all ending with the test.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { folder, freePort, log, start, until } from '../support/children.mjs';
import { Redis } from '../truth/redis.mjs';

export const TOKEN = 'a-token-for-this-test-only';
export const LIST = 'pusher:jobs';

export async function startRedis() {
  const socket = join(folder, 'redis');
  start('redis', 'redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no']);
  return until('redis-server', () => Redis.connect(socket).catch(() => null));
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

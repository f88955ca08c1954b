// pusherctl on some of the cases that need no server: the command line and the job format in between
// must change nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { app } from './cases.mjs';
import { paramsObject } from './sdk.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pusherd-differential-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.json');
const configuration = { appId: app.app_id, key: app.key, secret: app.secret, host: '127.0.0.1',
  encryptionMasterKeyBase64: app.master_key };
writeFileSync(file, JSON.stringify({ provider: 'Pusher',
  configuration: Object.entries(configuration).map(([name, value]) => ({ name, value })) }));

const given = (name, value) => (value === undefined ? [] : [`--${name}`, value.replace(/^@/, '@@')]);
const commands = {
  authorize: (c) => ['authorize-channel', ...given('socket-id', c.socket_id), ...given('channel', c.channel),
    ...given('channel-data', JSON.stringify(c.value))],
  authenticate: (c) => ['authenticate-user', ...given('socket-id', c.socket_id), ...given('user-data', JSON.stringify(c.value))],
  query: (c) => ['create-signed-query-string', ...given('method', c.method), ...given('path', c.path), ...given('body', c.body),
    ...given('params', JSON.stringify(paramsObject(c.params)))],
  webhook: (c) => ['validate-webhook', ...given('headers', JSON.stringify(Object.fromEntries(c.headers))),
    ...given('raw-body', c.body), ...given('additional-tokens', JSON.stringify(c.tokens.map(([key, secret]) => ({ key, secret }))))],
};

// No argument can hold a NUL; JSON headers cannot repeat a name.
export const fitsCommandLine = (c) => c.op in commands && c.encrypts && !commands[c.op](c).some((arg) => arg.includes('\0')) &&
  (c.op !== 'webhook' || new Set(c.headers.map(([name]) => name)).size === c.headers.length);

// The difference to the driver's answer in words, or undefined.
export function compareCtl(binary, c, answer) {
  const args = [...commands[c.op](c), '--app-json', file, '--config', ''];
  const { stdout, stderr, status, error } = spawnSync(binary, args,
    { env: { ...process.env, PUSHER_AUTH_TIMESTAMP: String(c.t) }, timeout: 20000 });
  const said = `pusherctl ended with ${error ?? status}: ${stderr}${stdout}`;
  if (answer.code !== 'ok') return status === 1 ? undefined : said;
  const expected = c.op === 'query' ? answer.query
    : { ...(c.op === 'webhook' && { valid: true }), ...JSON.parse(answer.json) };
  return status === 0 && isDeepStrictEqual(JSON.parse(stdout), expected) ? undefined : said;
}

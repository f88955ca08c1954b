// The truth test: real soketi, real pusher-js, and pusherd between a Redis list and them.
//
// Whatever our own tests agree on with our own fake, here the other side is not ours: soketi checks
// the signatures and refuses what it refuses, pusher-js subscribes, decrypts and reports.
//
//   PUSHERD_BIN=build/dev/bin/pusherd PUSHERCTL_BIN=build/dev/bin/pusherctl node tests/truth/truth.mjs
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { log, stop, until } from '../support/children.mjs';
import { app, here, startPusherd, startRedis, startSoketi } from './servers.mjs';

const LIMIT_MS = 60000;
const N = 100; // jobs a channel
const LIST = 'pusher:jobs';
const CHANNELS = ['truth', 'private-truth', 'presence-truth', 'private-encrypted-truth'];

let passed = 0;
let failed = 0;

function check(name, ok, detail = '') {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}${ok || !detail ? '' : `: ${detail}`}`);
  if (ok) passed++;
  else failed++;
}

function same(name, got, expected) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  check(name, a === b, `got ${a.slice(0, 400)}, not ${b.slice(0, 400)}`);
}

function fail(text) {
  console.error(`truth: ${text}`);
  process.exit(1);
}

const binary = process.env.PUSHERD_BIN;
const ctl = process.env.PUSHERCTL_BIN;
if (!binary || !existsSync(binary)) fail('PUSHERD_BIN does not name a program: build pusherd first');
if (!ctl || !existsSync(ctl)) fail('PUSHERCTL_BIN does not name a program: build pusherctl first');
if (!existsSync(join(here, 'node_modules', '@soketi', 'soketi')))
  fail('soketi and pusher-js are not installed: run tests/truth/setup first');

const { default: PusherClient } = await import('pusher-js');
const { default: PusherSdk } = await import('pusher');

const sdk = new PusherSdk({ appId: app.id, key: app.key, secret: app.secret, host: '127.0.0.1',
  encryptionMasterKeyBase64: app.masterKey });

// --- clients

// A pusher-js client that signs in as `user`. Who authorises it for channels and authenticates it is
// given: the official SDK, pusherd, or pusherctl.
function connect(port, user, authorize, authenticate) {
  const presence = { user_id: user, user_info: { name: `name of ${user}` } };
  return new PusherClient(app.key, {
    wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'],
    enableStats: false, cluster: 'none',
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, done) =>
        authorize(socketId, channelName, channelName.startsWith('presence-') ? presence : undefined)
          .then((auth) => done(null, auth), (error) => done(error, null)),
    },
    userAuthentication: {
      customHandler: ({ socketId }, done) =>
        authenticate(socketId, { id: user, user_info: { name: `näme of ${user}` } })
          .then((auth) => done(null, auth), (error) => done(error, null)),
    },
  });
}

// Subscribes and notes what comes: { channel: [[event, data], ...] }.
async function listen(client, channels) {
  const heard = {};
  for (const name of channels) {
    heard[name] = [];
    const channel = client.subscribe(name);
    let subscribed = false;
    let refusal = null;
    channel.bind('pusher:subscription_succeeded', () => (subscribed = true));
    channel.bind('pusher:subscription_error', (error) => (refusal = error));
    channel.bind_global((event, data) => {
      if (!event.startsWith('pusher:')) heard[name].push([event, data]);
    });
    await until(`the subscription to ${name}`, () => subscribed || refusal);
    if (refusal) throw new Error(`${name}: ${refusal.error ?? JSON.stringify(refusal)}`);
  }
  return heard;
}

// --- jobs

const push = (redis, jobs) => redis.send('RPUSH', LIST, ...jobs.map((job) => JSON.stringify(job)));

// Enqueues one job and gives what it was answered.
async function ask(redis, job) {
  const replyTo = `reply:${Math.random()}`;
  await push(redis, [{ ...job, replyTo }]);
  const [, text] = (await redis.send('BLPOP', replyTo, 20)) ?? [null, '{}'];
  return JSON.parse(text);
}

async function entries(redis, stream) {
  const raw = await redis.send('XRANGE', `{${LIST}}:${stream}`, '-', '+');
  return raw.map(([, flat]) => {
    const entry = {};
    for (let i = 0; i < flat.length; i += 2) entry[flat[i]] = flat[i + 1];
    return entry;
  });
}

const trigger = (channel, n) =>
  ({ op: 'triggerEvent', id: `${channel}-${n}`, channel, event: 'tick', data: { n, text: 'ä€😀"\\' } });

const tick = (n) => ['tick', { n, text: 'ä€😀"\\' }];

function alive(daemon) {
  if (daemon.exitCode !== null) throw new Error(`pusherd ended by itself with ${daemon.exitCode}`);
  return true;
}

// --- the checks

// Everything at once, pushed before pusherd runs so that full batches form, one event of them larger
// than soketi takes: it must fail alone, though soketi refuses its whole batch, and with HTTP 200.
async function deliversInOrder(redis, heard, startDaemon) {
  const jobs = [];
  for (let n = 0; n < N; n++)
    for (const channel of CHANNELS) jobs.push(trigger(channel, n));
  jobs.splice(jobs.length / 2, 0,
    { op: 'triggerEvent', id: 'too-large', channel: 'elsewhere', event: 'e', data: 'x'.repeat(150000) });
  await push(redis, jobs);
  const daemon = startDaemon();

  await until('all outcomes', async () =>
    alive(daemon) && (await redis.send('XLEN', `{${LIST}}:results`)) +
    (await redis.send('XLEN', `{${LIST}}:failures`)) >= jobs.length, 30000);
  await until('all events', () => CHANNELS.every((name) => heard[name].length >= N));
  const expected = Array.from({ length: N }, (_, n) => tick(n));
  for (const name of CHANNELS) same(`${name}: each event once, in order, readable`, heard[name], expected);

  const ids = (await entries(redis, 'results')).map((entry) => entry.id).sort();
  same('one result a job', ids,
    jobs.map((job) => job.id).filter((id) => id !== 'too-large').sort());
  const failures = await entries(redis, 'failures');
  same('what soketi refuses with HTTP 200 fails, and alone',
    failures.map(({ id, code }) => [id, code]), [['too-large', 'rejected']]);
}

async function splitsLargeJobs(redis, heard) {
  const before = heard.truth.length;
  const batch = Array.from({ length: 25 }, (_, n) => ({ channel: 'truth', event: 'part', data: { n } }));
  const reply = await ask(redis, { op: 'triggerBatch', id: 'batch', events: batch });
  check('a triggerBatch of 25 succeeds', reply.ok === true, JSON.stringify(reply));
  await until('25 events', () => heard.truth.length >= before + 25);
  same('a triggerBatch of 25 arrives in order', heard.truth.slice(before),
    batch.map(({ data }) => ['part', data]));

  const channels = Array.from({ length: 150 }, (_, i) => `elsewhere-${i}`).concat('truth', 'private-truth');
  await ask(redis, { op: 'triggerMultipleChannels', id: 'many', channels, event: 'wide', data: 'text' });
  await until('the wide event', () => heard['private-truth'].at(-1)?.[0] === 'wide');
  same('152 channels are reached', [heard.truth.at(-1), heard['private-truth'].at(-1)],
    [['wide', 'text'], ['wide', 'text']]);
}

async function leavesOutTheSender(redis, one, heardByOne, heardByTwo) {
  const skipped = { op: 'triggerEvent', channel: 'truth', event: 'skip', data: 1,
    socketId: one.connection.socket_id };
  await ask(redis, skipped);
  await ask(redis, { op: 'triggerEvent', channel: 'truth', event: 'all', data: 2 });
  await until('the event for all', () => heardByOne.truth.at(-1)?.[0] === 'all' &&
    heardByTwo.truth.at(-1)?.[0] === 'all');
  check('socketId leaves the sender out', heardByOne.truth.at(-2)?.[0] !== 'skip');
  check('socketId leaves nobody else out', heardByTwo.truth.at(-2)?.[0] === 'skip');
}

// What pusherctl prints: JSON. It calls the API itself, by libpusher, and knows no queue.
async function runCtl(port, ...args) {
  const env = { ...process.env, PUSHER_APP_ID: app.id, PUSHER_APP_KEY: app.key, PUSHER_APP_SECRET: app.secret,
    PUSHER_HOST: '127.0.0.1', PUSHER_PORT: port, PUSHER_SCHEME: 'http' };
  const { stdout } = await promisify(execFile)(ctl, ['--config', '', ...args], { env });
  return JSON.parse(stdout);
}

// Signed in with what was authenticated by us, a user is sent an event, and then cut off.
async function reachesUser(client, user, via, send, terminate) {
  let got = null;
  const { connection } = client;
  client.user.bind('note', (data) => (got = data));
  client.signin();
  await until(`the sign-in of ${user}`, () => client.user.user_data);
  same(`${via}: authenticateUser signs a user in`, client.user.user_data,
    { id: user, user_info: { name: `näme of ${user}` } });
  await send();
  await until('the event for the user', () => got);
  same(`${via}: sendToUser reaches the user`, got, { for: user });
  connection.bind('error', () => {});
  check(`${via}: the user is connected until then`, connection.state === 'connected');
  await terminate();
  await until('the end of the connection', () => connection.state !== 'connected');
  check(`${via}: terminateUserConnections ends the connection`, true);
}

async function reachesUsers(redis, port, one, two) {
  const done = async (job) => {
    const reply = await ask(redis, job);
    if (!reply.ok) throw new Error(`${job.op}: ${JSON.stringify(reply)}`);
  };
  await reachesUser(one, 'one', 'pusherd',
    () => done({ op: 'sendToUser', userId: 'one', event: 'note', data: { for: 'one' } }),
    () => done({ op: 'terminateUserConnections', userId: 'one' }));
  check('the other user stays', two.connection.state === 'connected');
  await reachesUser(two, 'two', 'pusherctl',
    () => runCtl(port, 'send-to-user', '--user-id', 'two', '--event', 'note', '--data', '{"for":"two"}'),
    () => runCtl(port, 'terminate-user-connections', '--user-id', 'two'));
}

// So that a sign-in that succeeds means something.
async function refusesForgedUsers(port, authenticate) {
  const mallory = connect(port, 'mallory', null, async (socketId) => ({
    ...await authenticate(socketId, { id: 'mallory' }), user_data: JSON.stringify({ id: 'one' }),
  }));
  const errors = [];
  mallory.connection.bind('error', (error) => errors.push(error));
  await until('the connection', () => mallory.connection.state === 'connected');
  mallory.signin();
  await until('the refusal of a forged user', () => errors.length);
  check('a user that we did not sign is refused', !mallory.user.user_data, JSON.stringify(errors));
  mallory.disconnect();
}

async function answersQueries(redis) {
  const listed = await ask(redis, { op: 'listChannels', filterByPrefix: 'presence-', info: 'user_count' });
  same('listChannels', Object.keys(listed.result?.channels ?? {}), ['presence-truth']);
  const users = await ask(redis, { op: 'getChannelUsers', channelName: 'presence-truth' });
  same('getChannelUsers', (users.result?.users ?? []).map(({ id }) => id).sort(), ['one', 'two']);
  const shown = await ask(redis, { op: 'getChannel', channelName: 'truth' });
  check('getChannel', shown.result?.occupied === true, JSON.stringify(shown));
}

async function validatesWebhooks(redis, hooks) {
  const hook = await until('a webhook of soketi', () => hooks[0]);
  const job = { op: 'validateWebhook', headers: hook.headers, rawBody: hook.body };
  const valid = await ask(redis, job);
  same('a webhook of soketi is valid', valid.result?.valid, true);
  same('its events are read', valid.result?.events, JSON.parse(hook.body).events);
  const forged = await ask(redis, { ...job, rawBody: `${hook.body} ` });
  same('a changed webhook is not', forged.code, 'invalid_signature');
}

// --- the scene

const hooks = [];
const hookServer = http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => (body += data));
  request.on('end', () => {
    hooks.push({ headers: request.headers, body });
    response.end();
  });
});

async function main() {
  await new Promise((resolve) => hookServer.listen(0, '127.0.0.1', resolve));
  const { redis, redisUrl } = await startRedis();
  const port = await startSoketi(hookServer.address().port);
  let daemon = null;

  const bySdk = async (socketId, channel, data) => sdk.authorizeChannel(socketId, channel, data);
  const byPusherd = async (socketId, channel, channelData) => {
    const reply = await ask(redis, { op: 'authorizeChannel', socketId, channel, channelData });
    if (!reply.ok) throw new Error(`authorizeChannel: ${JSON.stringify(reply)}`);
    return reply.result;
  };

  const userByPusherd = async (socketId, userData) => {
    const reply = await ask(redis, { op: 'authenticateUser', socketId, userData });
    if (!reply.ok) throw new Error(`authenticateUser: ${JSON.stringify(reply)}`);
    return reply.result;
  };
  const userByPusherctl = (socketId, userData) =>
    runCtl(port, 'authenticate-user', '--socket-id', socketId, '--user-data', JSON.stringify(userData));

  const one = connect(port, 'one', bySdk, userByPusherd);
  const heardByOne = await listen(one, CHANNELS);
  await deliversInOrder(redis, heardByOne, () => (daemon = startPusherd(binary, redisUrl, port)));

  const two = connect(port, 'two', byPusherd, userByPusherctl);
  const heardByTwo = await listen(two, CHANNELS);
  check('authorizeChannel of pusherd opens all kinds of channel', true);
  await ask(redis, { ...trigger('private-encrypted-truth', N), id: 'for-two' });
  await until('an encrypted event', () => heardByTwo['private-encrypted-truth'].length);
  same('shared_secret of pusherd decrypts', heardByTwo['private-encrypted-truth'], [tick(N)]);

  await splitsLargeJobs(redis, heardByOne);
  await leavesOutTheSender(redis, one, heardByOne, heardByTwo);
  await answersQueries(redis);
  await validatesWebhooks(redis, hooks);
  await refusesForgedUsers(port, userByPusherctl);
  await reachesUsers(redis, port, one, two);

  one.disconnect();
  two.disconnect();
  same('pusherd ends with 0 on SIGTERM', await stop(daemon), 0);
}

setTimeout(() => fail(`not done after ${LIMIT_MS} ms\n${log('pusherd')}`), LIMIT_MS).unref();

function report() {
  if (failed) console.error(`--- pusherd's log\n${log('pusherd').slice(-8000)}`);
  console.log(`truth: ${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

process.on('uncaughtException', (error) => {
  check('nothing throws', false, error.stack);
  report();
});

await main().catch((error) => check('the test came to its end', false, error.stack));
report();

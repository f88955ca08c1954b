// The official SDK, with its clock and its network in our hands: what it would have sent is caught
// where it calls fetch.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { app } from './cases.mjs';

const folder = new URL('../truth/node_modules/pusher/', import.meta.url).pathname;
if (!existsSync(folder)) {
  console.error('differential: the official SDK is not installed: run tests/truth/setup first');
  process.exit(1);
}
const load = createRequire(`${folder}lib/pusher.js`);
let sent;
load('node-fetch').default = (url, { method, body }) => {
  sent = { url, method, body };
  return Promise.resolve({ status: 200 });
};
const Pusher = load('./pusher.js');
const nacl = load('tweetnacl');

const options = { appId: app.app_id, key: app.key, secret: app.secret, host: '127.0.0.1' };
const plain = new Pusher(options);
export const encrypting = new Pusher({ ...options, encryptionMasterKeyBase64: app.master_key });

// --- meanings: what both sides are compared by

export const isEncrypted = (channel) => channel.startsWith('private-encrypted-');

export function open(channel, data) {
  const { nonce, ciphertext } = JSON.parse(data);
  const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));
  const plaintext = nacl.secretbox.open(bytes(ciphertext), bytes(nonce), new Uint8Array(encrypting.channelSharedSecret(channel)));
  if (!plaintext) throw new Error(`the data for ${channel} cannot be decrypted`);
  return Buffer.from(plaintext).toString();
}

// What a client would send on an encrypted channel.
export function seal(channel, text, nonce) {
  const bytes = nacl.secretbox(new Uint8Array(Buffer.from(text)), nonce, new Uint8Array(encrypting.channelSharedSecret(channel)));
  const base64 = (data) => Buffer.from(data).toString('base64');
  return JSON.stringify({ nonce: base64(nonce), ciphertext: base64(bytes) });
}

// Calls `found` with each encrypted event of a body.
function eachEncrypted(body, found) {
  for (const event of body?.batch ?? (body?.channels ? [body] : [])) {
    const channel = event.channel ?? event.channels[0];
    if (channel !== undefined && isEncrypted(channel)) found(event, channel);
  }
}

// `query` is plain text. Its MD5 and signature depend on how the body is written, and are left out.
export function requestMeaning(op, method, path, query, bodyText) {
  const body = bodyText ? JSON.parse(bodyText) : null;
  const sealed = [];
  if (['trigger', 'batch', 'user'].includes(op))
    eachEncrypted(body, (event, channel) => {
      const plaintext = open(channel, event.data);
      sealed.push({ channel, data: event.data, plaintext });
      event.data = plaintext;
    });
  const kept = query.split('&').filter((part) => !/^(body_md5|auth_signature)=/.test(part)).join('&');
  return { meaning: { method, path, query: kept, body }, sealed };
}

export function decodeQuery(query) {
  return query.split('&').map((pair) => pair.split('=').map(decodeURIComponent).join('=')).join('&');
}

export function paramsObject(pairs) {
  const made = {};
  for (const [key, value] of pairs)
    Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

// As Node's http gives them: names lowered, repeated ones joined.
function headersObject(pairs) {
  const made = {};
  for (const [name, value] of pairs) made[name] = name in made ? `${made[name]}, ${value}` : value;
  return made;
}

// --- running a case

const pathParams = (c) => Object.fromEntries(['prefix', 'info'].filter((key) => c[key]).map((key) =>
  [key === 'prefix' ? 'filter_by_prefix' : key, c[key]]));

function sendOptions(c) {
  const made = {};
  if ('socket_id' in c) made.socket_id = c.socket_id;
  if ('info' in c) made.info = c.info;
  return made;
}

const send = {
  trigger: (sdk, c) => sdk.trigger(c.channels, c.name, c.value, sendOptions(c)),
  batch: (sdk, c) => sdk.triggerBatch(c.events.map((e) => ({ name: e.name, channel: e.channel, data: e.value, ...sendOptions(e) }))),
  user: (sdk, c) => sdk.sendToUser(c.user_id, c.name, c.value),
  channels: (sdk, c) => sdk.get({ path: '/channels', params: pathParams(c) }),
  channel: (sdk, c) => sdk.get({ path: `/channels/${c.channel}`, params: pathParams(c) }),
  users: (sdk, c) => sdk.get({ path: `/channels/${c.channel}/users` }),
  terminate: (sdk, c) => sdk.terminateUserConnections(c.user_id),
  get: (sdk, c) => sdk.get({ path: c.path, params: paramsObject(c.params) }),
  post: (sdk, c) => sdk.post({ path: c.path, params: paramsObject(c.params), body: c.value }),
};

function run(sdk, c) {
  if (c.op === 'authorize') return { meaning: sdk.authorizeChannel(c.socket_id, c.channel, c.value) };
  if (c.op === 'authenticate') return { meaning: sdk.authenticateUser(c.socket_id, c.value) };
  if (c.op === 'query')
    return { meaning: sdk.createSignedQueryString({ method: c.method, path: c.path, params: paramsObject(c.params), body: c.body }) };
  if (c.op === 'webhook') {
    const webhook = sdk.webhook({ headers: headersObject(c.headers), rawBody: c.body });
    if (!webhook.isValid(c.tokens.map(([key, secret]) => ({ key, secret })))) throw new Error('not valid');
    return { meaning: { time_ms: webhook.getData()?.time_ms, events: webhook.getData()?.events } };
  }
  send[c.op](sdk, c);
  const [, path, query] = /^http:\/\/127\.0\.0\.1([^?]*)\?(.*)$/s.exec(sent.url);
  return requestMeaning(c.op, sent.method, path, query, sent.body);
}

// {meaning, sealed}, or {refused} with the SDK's text.
export function runSdk(c) {
  const now = Date.now;
  Date.now = () => c.t * 1000;
  try {
    return run(c.encrypts ? encrypting : plain, c);
  } catch (error) {
    return { refused: String(error.message ?? error) };
  } finally {
    Date.now = now;
  }
}

// Where libpusher and the SDK are meant to differ, and why.
//
//   stricter   what we refuse with `code` and the SDK takes. Wherever when() is true we must refuse.
//   expected   what we make instead, computed from the SDK's answer to another input, or by itself.
//
// Each row's example is run in every test, and must still differ: a row that no longer does fails.
import { app, hmac, USER_PREFIX } from './cases.mjs';
import { isEncrypted, open, paramsObject, runSdk } from './sdk.mjs';
import { createHash } from 'node:crypto';

const bytes = (text) => Buffer.byteLength(text);
const badName = (text, max = 200) => text === '' || /[^A-Za-z0-9_\-=@,.;]/.test(text) || text.length > max ||
  text === '.' || text === '..';
const isOwn = (path) => path === `/apps/${app.app_id}` || path.startsWith(`/apps/${app.app_id}/`);
const badUser = (id) => badName(id, 128);
const badChannel = (channel) => (channel.startsWith(USER_PREFIX) ? badUser(channel.slice(USER_PREFIX.length)) : badName(channel));
const badSocket = (id) => !/^\d+\.\d+$/.test(id) || id.length > 128;
const badEventName = (name) => name === '' || bytes(name) > 200 || /[\0-\x1f\x7f]/.test(name);
const goodInfo = (allowed) => (info) => info.split(',').every((x, i, all) => allowed.includes(x) && all.indexOf(x) === i);
const eventInfo = goodInfo(['user_count', 'subscription_count']);
const cacheInfo = goodInfo(['user_count', 'subscription_count', 'cache']);

// The events of any publishing case, with one channel each.
const eventsOf = (c) => c.events ?? [{ ...c, channel: c.channels?.[0] ?? USER_PREFIX + c.user_id }];
export const dataText = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
function tooLarge(e) {
  const size = bytes(dataText(e.value));
  return (isEncrypted(e.channel) ? 60 + 4 * Math.ceil((size + 16) / 3) : size) > 10240;
}
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPresence = (c) => c.channel.startsWith('presence-');
const isWhole = (value) => Number.isInteger(value);
const nulKey = (value) => typeof value === 'object' && value !== null &&
  Object.entries(value).some(([key, item]) => key.includes('\0') || nulKey(item));
const reads = (body) => { try { return { value: JSON.parse(body) }; } catch { return null; } };
// JSON.stringify() escapes surrogates only where they stand alone.
const halfPair = (value) => /(?<!\\)(\\\\)*\\ud[89a-f]/.test(JSON.stringify(value));
const lower = (text) => text.replace(/[A-Z]/g, (x) => x.toLowerCase());
const utf8Order = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const names = (c) => c.params.map(([name]) => lower(name));
const badPath = (path) => !/^\/[!-~]*$/.test(path) || /[?#]/.test(path) ||
  path.split('/').some((part) => ['.', '..'].includes(part.replace(/%2e/gi, '.')));

// The query by the rule alone: names lowered, in order of their bytes.
function query(c) {
  const fields = [['auth_key', app.key], ['auth_timestamp', String(c.t)], ['auth_version', '1.0'],
    ...c.params.map(([name, value]) => [lower(name), value])];
  if (c.body) fields.push(['body_md5', createHash('md5').update(c.body).digest('hex')]);
  const text = fields.sort((a, b) => utf8Order(a[0], b[0])).map((pair) => pair.join('=')).join('&');
  return `${text}&auth_signature=${hmac(app.secret, [c.method.toUpperCase(), c.path, text].join('\n'))}`;
}

// What `change` makes of the SDK's answer to the same case with lowered names.
function fromLowered(c, change) {
  const { meaning } = runSdk({ ...c, params: c.params.map(([name, value]) => [lower(name), value]) });
  return meaning && change(meaning);
}

// What an honest sender would have sent: the SDK must take this whenever we take the original.
function honestWebhook(c) {
  const all = (name) => c.headers.filter((header) => header[0] === name).map((header) => lower(header[1].trim()));
  const keys = [[app.key, app.secret], ...c.tokens];
  const used = keys.find(([key, secret]) => all('x-pusher-key').includes(lower(key)) &&
    all('x-pusher-signature').includes(hmac(secret, c.body)));
  if (!used) return null;
  const headers = [['content-type', 'application/json'], ['x-pusher-key', used[0]], ['x-pusher-signature', hmac(used[1], c.body)]];
  const { meaning } = runSdk({ ...c, headers });
  for (const event of meaning?.events ?? []) {
    if (event?.name === 'client_event' && isEncrypted(String(event.channel)) && 'data' in event) decrypt(event, c.encrypts);
  }
  return meaning;
}
// Whole padding or none; Node would take any.
const isBase64 = (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) && (!text.endsWith('=') || text.length % 4 === 0);
function decrypt(event, hasKey) {
  const sealed = event.data;
  try {
    const { nonce, ciphertext } = JSON.parse(sealed);
    if (!hasKey || !isBase64(nonce) || !isBase64(ciphertext)) throw new Error('cannot be decrypted');
    event.data = open(event.channel, sealed);
  } catch {
    event.encrypted_data = sealed;
    event.data = null;
  }
}
const header = (c, name) => c.headers.filter((pair) => pair[0] === name).map((pair) => pair[1]);

const socket_id = '1.2';
const t = 1700000000;
const base = { encrypts: true, t };
const event = { name: 'e', value: 'x' };
const signed = (body, more = {}) => ({ ...base, op: 'webhook', tokens: [], body, headers: [['content-type', 'application/json'],
  ['x-pusher-key', app.key], ['x-pusher-signature', hmac(app.secret, body)]], ...more });
const EMPTY = '{"time_ms":1,"events":[]}';
const signedBy = (signature, more = []) => signed(EMPTY, { headers: [['content-type', 'application/json'],
  ['x-pusher-key', app.key], ['x-pusher-signature', signature], ...more] });
const SEALED = '{"nonce":"AAAA","ciphertext":"AAAA"}';
const get = (path, params = []) => ({ ...base, op: 'get', path, params });
const q = (params, more = {}) => ({ ...base, op: 'query', method: 'GET', path: '/x', params, ...more });

export const KNOWN_DIFFERENCES = [
  // --- authorization
  { id: 'public channels are not signed', code: 'invalid_channel', ops: ['authorize'],
    why: 'the specification tests that signing a public channel fails; a signature of one is good for nothing',
    when: (c) => !/^(private|presence)-/.test(c.channel),
    example: { ...base, op: 'authorize', socket_id, channel: 'public' } },
  { id: 'a presence channel needs an object', code: 'invalid_data', ops: ['authorize'],
    why: 'the server refuses the subscription anyway; the mistake is shown where it is made',
    when: (c) => isPresence(c) && !isObject(c.value),
    example: { ...base, op: 'authorize', socket_id, channel: 'presence-x' } },
  { id: 'a presence channel needs a user_id', code: 'invalid_user_id', ops: ['authorize'],
    why: 'as above: a member without an identity',
    when: (c) => isPresence(c) && isObject(c.value) && !(isWhole(c.value.user_id) ||
      (typeof c.value.user_id === 'string' && c.value.user_id !== '')) && !nulKey(c.value),
    example: { ...base, op: 'authorize', socket_id, channel: 'presence-x', value: { user_id: '' } } },
  { id: 'no NUL in keys', code: 'invalid_data', ops: ['authorize', 'authenticate'],
    why: 'the JSON reader takes NUL in values only; no client means such a key',
    when: (c) => (c.op === 'authenticate' || isPresence(c)) && isObject(c.value) && nulKey(c.value),
    example: { ...base, op: 'authenticate', socket_id, value: { id: 'u', 'a\0b': 1 } } },
  { id: 'falsy channel data is data', ops: ['authorize'],
    why: 'what was given is signed and returned; the SDK cannot tell "", 0, false and null from nothing',
    when: (c) => 'value' in c && !c.value,
    expected: (c) => {
      const sdk = runSdk({ ...c, value: undefined }).meaning;
      const channel_data = JSON.stringify(c.value);
      return sdk && { ...sdk, auth: `${app.key}:${hmac(app.secret, `${c.socket_id}:${c.channel}:${channel_data}`)}`, channel_data };
    },
    example: { ...base, op: 'authorize', socket_id, channel: 'private-x', value: '' } },
  { id: 'socket ids have a limit', code: 'invalid_socket_id', ops: ['authorize', 'authenticate', 'trigger'],
    why: 'every buffer has a cap; servers make about 20 bytes',
    when: (c) => (c.socket_id ?? '').length > 128,
    example: { ...base, op: 'authenticate', socket_id: `1.${'2'.repeat(127)}`, value: { id: 'u' } } },

  // --- publishing
  { id: 'an empty socket id is not left out', code: 'invalid_socket_id', ops: ['trigger'],
    why: 'the SDK sends it unchecked, and the server refuses it',
    when: (c) => c.socket_id === '',
    example: { ...base, op: 'trigger', channels: ['a'], ...event, socket_id: '' } },
  { id: 'info is checked', code: 'invalid_info', ops: ['trigger', 'batch'],
    why: 'an unknown attribute makes the server refuse the whole request, a batch with all its events',
    when: (c) => eventsOf(c).some((e) => 'info' in e && !eventInfo(e.info)),
    example: { ...base, op: 'trigger', channels: ['a'], ...event, info: 'cache' } },
  { id: 'event names are checked', code: 'invalid_event', ops: ['trigger', 'batch', 'user'],
    why: 'an empty name is refused by the server; control characters are a mistake; 200 is counted in bytes, as servers may',
    when: (c) => eventsOf(c).some((e) => badEventName(e.name)),
    example: { ...base, op: 'user', user_id: 'u', name: 'a\nb', value: 1 } },
  { id: 'data has a limit', code: 'payload_too_large', ops: ['trigger', 'batch', 'user'],
    why: 'the server answers 413, for a whole batch; the SDK finds out there',
    when: (c) => c.channels?.length !== 0 && eventsOf(c).some(tooLarge),
    example: { ...base, op: 'trigger', channels: ['a'], name: 'e', value: 'x'.repeat(10241) } },
  { id: 'batches are checked', code: ['invalid_channel', 'invalid_socket_id'], ops: ['batch'],
    why: 'the SDK checks nothing here, and one bad event costs the batch its good ones',
    when: (c) => c.events.some((e) => badChannel(e.channel) || ('socket_id' in e && badSocket(e.socket_id))),
    example: { ...base, op: 'batch', events: [{ ...event, channel: 'a b' }] } },
  { id: 'a trigger has channels', code: 'invalid_channel', ops: ['trigger'],
    why: 'the server refuses an empty list',
    when: (c) => c.channels.length === 0,
    example: { ...base, op: 'trigger', channels: [], ...event } },
  { id: 'no channel named by dots', code: 'invalid_channel', ops: ['trigger'],
    why: 'it could never be asked for: URLs with such a segment are rewritten on their way',
    when: (c) => c.channels.some((channel) => channel === '.' || channel === '..'),
    example: { ...base, op: 'trigger', channels: ['..'], ...event } },
  { id: "a user's channel can be triggered", ops: ['trigger'],
    why: 'it is what sendToUser makes; jobs name it as a channel',
    when: (c) => c.channels.some((channel) => channel.startsWith(USER_PREFIX)),
    expected: (c) => {
      const sdk = runSdk({ ...c, channels: c.channels.map((channel) => channel.replace(USER_PREFIX, '')) }).meaning;
      return sdk && { ...sdk, body: { ...sdk.body, channels: c.channels } };
    },
    example: { ...base, op: 'trigger', channels: [`${USER_PREFIX}u`], ...event } },
  { id: 'strings are encrypted as they are', ops: ['trigger', 'batch'],
    why: 'strings are sent as they are on every other channel, by the SDK too; here it alone wraps them in quotes',
    when: (c) => eventsOf(c).some((e) => typeof e.value === 'string' && e.channel !== undefined && isEncrypted(e.channel)),
    expected: (c, sdk) => {
      const unquoted = (e, given) => (typeof given.value === 'string' && isEncrypted(given.channel)
        ? { ...e, data: JSON.parse(e.data) } : e);
      const { body } = sdk ?? {};
      if (!body) return sdk;
      return { ...sdk, body: body.batch ? { batch: body.batch.map((e, i) => unquoted(e, c.events[i])) }
        : unquoted(body, eventsOf(c)[0]) };
    },
    example: { ...base, op: 'trigger', channels: ['private-encrypted-x'], name: 'e', value: 'text' } },

  // --- queries and commands
  { id: 'user ids are checked', code: 'invalid_user_id', ops: ['user', 'terminate'],
    why: 'the id becomes part of a channel or of a URL: the SDK lets "../x" or "u?a=b" change the request',
    when: (c) => badUser(c.user_id),
    example: { ...base, op: 'terminate', user_id: '../x' } },
  { id: 'channels in URLs are checked', code: 'invalid_channel', ops: ['channel', 'users'],
    why: 'as above',
    when: (c) => badName(c.channel),
    example: { ...base, op: 'users', channel: 'a/b?c' } },
  { id: 'prefixes are checked', code: 'invalid_channel', ops: ['channels'],
    why: 'no channel could match',
    when: (c) => (c.prefix ?? '').length > 200 || /[^A-Za-z0-9_\-=@,.;]/.test(c.prefix ?? ''),
    example: { ...base, op: 'channels', prefix: 'a b' } },
  { id: 'info of channels is checked', code: 'invalid_info', ops: ['channels', 'channel'],
    why: 'the server answers 400',
    when: (c) => c.info && !(c.op === 'channel' ? cacheInfo : eventInfo)(c.info),
    example: { ...base, op: 'channels', info: 'cache' } },
  { id: 'paths must reach the server as signed', code: 'invalid_argument', ops: ['query', 'get', 'post'],
    why: 'clients and proxies rewrite dots, cut fragments and encode other text, so that the signature is wrong there',
    when: (c) => badPath(c.path),
    example: get('/a/../b') },
  { id: 'parameters are named, once, and not reserved', code: 'invalid_argument', ops: ['query', 'get', 'post'],
    why: 'auth_ is Pusher\'s own; names that differ in case only are one name to the server',
    when: (c) => names(c).some((name, i, all) => name === '' || name === 'body_md5' || name.startsWith('auth_') ||
      all.indexOf(name) !== i) || c.params.length > 64,
    example: q([['Auth_Key', 'x']]) },
  { id: 'methods are letters', code: 'invalid_argument', ops: ['query'],
    why: 'no request could have another',
    when: (c) => !/^[A-Za-z]{1,16}$/.test(c.method),
    example: q([], { method: 'G T' }) },
  { id: 'whole paths are taken', ops: ['get', 'post'],
    why: 'the path of a signed query string and of the documents begins with /apps/ID; the SDK would double it',
    when: (c) => isOwn(c.path),
    expected: (c) => fromLowered(c, (sdk) => ({ ...sdk, path: c.path, body: c.value ?? null })),
    example: get(`/apps/${app.app_id}/channels`) },
  { id: 'paths of other apps are refused', code: 'invalid_argument', ops: ['get', 'post'],
    why: 'signed with the key of this app they are answered 401; the SDK would ask for /apps/ID/apps/OTHER',
    when: (c) => c.path.startsWith('/apps/') && !isOwn(c.path),
    example: get('/apps/7/channels') },
  { id: 'falsy bodies are sent', ops: ['post'],
    why: 'what was given is sent; the SDK cannot tell "", 0, false and null from nothing',
    when: (c) => 'value' in c && !c.value,
    expected: (c) => fromLowered(c, (sdk) => ({ ...sdk, body: c.value })),
    example: { ...get('/x'), op: 'post', value: 0 } },
  { id: 'names are lowered', ops: ['query', 'get', 'post'],
    why: 'the documents say that names are signed in lower case; the SDK signs them as they are and gets 401',
    when: (c) => c.params.some(([name]) => lower(name) !== name),
    expected: (c) => (c.op === 'query' ? query(c) : fromLowered(c, (sdk) => sdk)),
    example: q([['Info', 'x']]) },
  { id: 'names are in the order of their bytes', ops: ['query'],
    why: 'servers sort bytes or code points; the SDK sorts UTF-16 units, which differs above U+FFFF',
    when: (c) => String([...names(c)].sort(utf8Order)) !== String([...names(c)].sort()),
    expected: query,
    example: q([['\uffff', '1'], ['\u{10ffff}', '2']]) },
  { id: 'names that JavaScript objects have are names', ops: ['query', 'get', 'post'],
    why: 'the SDK looks reserved names up in an object and so refuses "constructor"',
    when: (c) => c.params.some(([name]) => name in paramsObject([])),
    expected: (c) => (c.op === 'query' ? query(c) : undefined),
    example: q([['constructor', 'x']]) },
  { id: 'time goes on after 2038', ops: ['query'],
    why: 'the SDK cuts the time to 32 bits with a sign: from 2038-01-19 on its requests carry a negative time',
    when: (c) => c.t >= 2 ** 31,
    expected: query,
    example: q([], { t: 2 ** 31 }) },

  // --- webhooks
  { id: 'a webhook has time_ms and events', code: 'invalid_data', ops: ['webhook'],
    why: 'who asks for events gets a list; the SDK takes any JSON',
    when: (c) => { const body = reads(c.body); return body && !(isObject(body.value) && isWhole(body.value.time_ms) &&
      Array.isArray(body.value.events)); },
    example: signed('[]') },
  { id: 'webhooks have strict JSON', code: 'invalid_data', ops: ['webhook'],
    why: 'halves of surrogate pairs, NUL in keys and numbers out of range have no exact value; Pusher sends none of them',
    when: (c) => { const body = reads(c.body); return body && (nulKey(body.value) || halfPair(body.value) ||
      /[^0-9]1e400|9223372036854775808/.test(c.body)); },
    example: signed('{"time_ms":1,"events":["\\ud800"]}') },
  { id: 'tokens need a secret', code: 'invalid_signature', ops: ['webhook'],
    why: 'with an empty secret anybody can sign',
    when: (c) => c.tokens.some((token) => token[1] === '' && header(c, 'x-pusher-key').includes(token[0])),
    example: signed(EMPTY, { tokens: [['k', '']], headers: [['content-type', 'application/json'], ['x-pusher-key', 'k'],
      ['x-pusher-signature', hmac('', EMPTY)]] }) },
  { id: 'the content type does not matter', ops: ['webhook'],
    why: 'it is not signed and says nothing of the body; proxies add "; charset=utf-8"',
    when: (c) => !header(c, 'content-type').includes('application/json'), expected: honestWebhook,
    example: signed(EMPTY, { headers: [['content-type', 'text/plain'], ['x-pusher-key', app.key],
      ['x-pusher-signature', hmac(app.secret, EMPTY)]] }) },
  { id: 'signatures are hex in any case', ops: ['webhook'],
    why: 'another official library takes them so, and the bytes are the same',
    when: (c) => header(c, 'x-pusher-signature').some((text) => /[A-F]/.test(text)), expected: honestWebhook,
    example: signedBy(hmac(app.secret, EMPTY).toUpperCase()) },
  { id: 'spaces around a header do not count', ops: ['webhook'],
    why: 'HTTP says that they are no part of the value',
    when: (c) => header(c, 'x-pusher-signature').some((text) => /^[ \t]|[ \t]$/.test(text)), expected: honestWebhook,
    example: signedBy(` ${hmac(app.secret, EMPTY)}\t`) },
  { id: 'a header may be repeated', ops: ['webhook'],
    why: 'one good signature proves the sender, whatever stands beside it',
    when: (c) => header(c, 'x-pusher-signature').length > 1, expected: honestWebhook,
    example: signedBy('00', [['x-pusher-signature', hmac(app.secret, EMPTY)]]) },
  { id: 'client events are decrypted', ops: ['webhook'],
    why: 'the specification asks for it, and what cannot be decrypted is no data; the SDK leaves all to the application',
    when: (c) => c.body.includes('client_event'), expected: honestWebhook,
    example: signed(JSON.stringify({ time_ms: 1, events: [{ name: 'client_event', channel: 'private-encrypted-x', data: SEALED }] })) },
];


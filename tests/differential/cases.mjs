// Random cases of every operation, from a seed. Most are nearly valid, as only those reach beyond the
// first check; each has a few chances to be odd.
import { createHmac } from 'node:crypto';

export const app = {
  app_id: 'app-3', key: 'k&=%+~:278d425bdf160c739803', secret: '7ad3773142a6692b25b8 &',
  master_key: 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};
app.secret = app.secret.replaceAll(' ', '_');
export const otherToken = ['other-key', 'other-secret'];
export const USER_PREFIX = '#server-to-user-';

export const hmac = (secret, text) => createHmac('sha256', secret).update(text).digest('hex');

// mulberry32
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PIECES = ['a', 'Z', '0', ' ', '"', '\\', '/', '\b', '\n', '\r\n', '\t', '\0', '\x1f', '\x7f', '&', '=', '?',
  '#', '%', '%41', '+', '<', '>', "'", ';', ':', ',', 'é', 'e\u0301', 'ß', 'İ', 'ı', '\u00a0', '\u2028', '\u2029',
  '\ufeff', '\uffff', '\ufffd', '日本', '👍', '👩‍👩‍👧', '𝒳', '\u{10ffff}', '\\u0041', '</script>', 'null', '[]=',
  '\u202e', '\u0080', 'data', 'xyz'];
const NAME_CHARS = 'abcXYZ019_-=@,.;';
const ODD_KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '0', '-1', 'user_id', 'id', 'data'];

// seal(channel, text, nonce) encrypts as a client does.
export function casesFrom(random, seal) {
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];
  const chance = (p) => random() < p;
  const repeat = (n, make) => Array.from({ length: n }, make);
  const text = (max = 12) => repeat(below(max + 1), () => pick(PIECES)).join('');
  const name = (max = 20) => repeat(1 + below(max), () => pick(NAME_CHARS)).join('');
  const digits = () => String(below(10 ** (1 + below(9))));

  function number() {
    return pick([0, 1, -1, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, 0.1, -2.5e-7, 1e300, below(1e9), random()]);
  }
  function value(depth = 3) {
    if (depth > 0 && chance(0.35)) return repeat(below(4), () => value(depth - 1));
    if (depth > 0 && chance(0.5)) return object(depth - 1);
    return pick([text, text, number, () => true, () => false, () => null])();
  }
  function object(depth = 2) {
    const made = {};
    for (const key of repeat(below(4), () => (chance(0.3) ? pick(ODD_KEYS) : text(4))))
      Object.defineProperty(made, key, { value: value(depth), enumerable: true, configurable: true, writable: true });
    return made;
  }

  function channel() {
    if (chance(0.05)) return pick(['', '.', '..', 'a b', 'é', 'a\n', 'x/y', text(5), 'a'.repeat(200), 'a'.repeat(201),
      `private-${'b'.repeat(192)}`, `presence-${'b'.repeat(192)}`, 'private-encrypted-', 'Private-x', 'presence']);
    return pick(['', 'private-', 'presence-', 'private-encrypted-', 'cache-']) + name();
  }
  function socketId() {
    if (chance(0.07)) return pick(['', '1', '1.', '.1', '1.2.3', '1.2\n', ' 1.2', '١.٢', '1,2', 'a.b', '-1.2', '1.2:x',
      `${'1'.repeat(90)}.${'2'.repeat(90)}`, `${'1'.repeat(64)}.${'2'.repeat(63)}`, `1.${'2'.repeat(127)}`, text(4)]);
    return `${digits()}.${digits()}`;
  }
  const userId = () => (chance(0.1) ? pick(['', '.', '..', 'a b', 'é', 'a/b', 'u?x', 'a'.repeat(128), 'a'.repeat(129),
    text(4)]) : name());
  function eventName() {
    if (chance(0.07)) return pick(['', 'é'.repeat(100), 'é'.repeat(101), 'x'.repeat(200), 'x'.repeat(201), 'a\nb', '\x7f']);
    return chance(0.5) ? `e${text(6)}` : name();
  }
  const payload = () => (chance(0.03) ? 'x'.repeat(pick([7500, 7640, 10240, 10241, 12000]))
    : chance(0.4) ? text(30) : value());
  const info = () => pick(['user_count', 'subscription_count', 'user_count,subscription_count', 'cache', '', 'x',
    'user_count,user_count', 'user_count,']);
  function options() {
    const made = {};
    if (chance(0.3)) made.socket_id = socketId();
    if (chance(0.3)) made.info = info();
    return made;
  }
  function params(key) {
    const made = new Map();
    for (const k of repeat(below(5), key)) made.set(k, text(6));
    return [...made];
  }
  const oddKey = () => (chance(0.1) ? pick(['auth_key', 'Auth_Key', 'auth_x', 'body_md5', 'auth_signature', ''])
    : chance(0.1) ? pick(ODD_KEYS) : chance(0.5) ? text(3) + name(3) : name(6));
  const plainKey = () => (chance(0.05) ? 'auth_key' : pick(['', 'é', '日', 'A', '&', '%', ' ']) + name(5));
  const path = () => (chance(0.15) ? pick(['', 'x', '/', '//', '/a?b=c', '/a#b', '/./x', '/a/..', '/%2e%2E/b', '/é',
    '/a b', '/apps/7/channels', `/apps/${app.app_id}/channels`, '/a%20b', '/...', '/a/.b']) : `/${name(6)}/${name(6)}`);

  function clientEvent() {
    const on = `private-encrypted-${name()}`;
    const sealed = seal(on, text(20), Uint8Array.from(repeat(24, () => below(256))));
    return { name: 'client_event', channel: on, event: `client-${name()}`, data: chance(0.9) ? sealed
      : pick([sealed.replace('nonce', 'none'), sealed.slice(1), sealed.replace(/.(?=..$)/, ''), 'x', null, 5, {}]) };
  }
  function webhookBody() {
    if (chance(0.12)) return pick(['', '{}', '[]', 'null', '"x"', '{', '{"time_ms":1}', '{"events":[]}', '\ufeff{}',
      '{"time_ms":1.5,"events":[]}', '{"time_ms":"1","events":[]}', '{"time_ms":1,"events":{}}', ' {"time_ms":1,"events":[]}\n',
      '{"time_ms":1,"events":[]}x', '{"time_ms":1,"time_ms":2,"events":[],"events":[{"a":1,"a":2}]}',
      '{"time_ms":1,"events":["\\ud800"]}', '{"time_ms":1,"events":[1e400]}', '{"time_ms":1,"events":[9223372036854775808]}',
      '{"time_ms":9223372036854775807,"events":[-0.0,1E2,1e-400]}', '{"time_ms":1,"events":["\\ud83d\\udc4d\\/"]}']);
    const events = repeat(below(4), () => (chance(0.1) ? clientEvent() : {
      name: pick(['channel_occupied', 'member_added', 'cache_miss', 'client_event']), channel: channel(), ...object(1) }));
    return JSON.stringify({ time_ms: below(2 ** 48), events }, null, pick([0, 0, 1]));
  }
  function webhook() {
    const body = webhookBody();
    const older = [[app.key, 'older'], [otherToken[0], 'older']]; // a key with several secrets
    const tokens = pick([[], [], [otherToken], [['x', 'y'], otherToken], older, [...older, otherToken]]);
    const [key, secret] = chance(0.7) ? [app.key, app.secret] : pick([otherToken, ...older]);
    let signature = hmac(secret, chance(0.95) ? body : `${body} `);
    if (chance(0.1)) signature = pick([signature.slice(1), '', `${signature}00`, signature.toUpperCase(), ` ${signature}\t`,
      'zz'.repeat(32), text(4)]);
    const headers = [['content-type', chance(0.95) ? 'application/json'
      : pick(['application/json; charset=utf-8', 'text/plain'])]];
    if (chance(0.97)) headers.push(['x-pusher-key', chance(0.97) ? key : text(3)]);
    if (chance(0.97)) headers.push(['x-pusher-signature', signature]);
    if (chance(0.03)) headers.push(['x-pusher-signature', hmac(secret, body)]);
    return { headers, body, tokens };
  }

  const userData = (key) => (chance(0.1) ? value(1) : { [key]: chance(0.85) ? text(4) + name(4) : value(0), ...object() });
  const maybe = (p, key, make) => (chance(p) ? { [key]: make() } : {});
  function channelData(c) {
    if (c.channel.startsWith('presence-')) return chance(0.95) ? { value: userData('user_id') } : {};
    return chance(0.3) ? { value: chance(0.5) ? object() : value(1) } : {};
  }

  const make = {
    authorize() {
      const c = { socket_id: socketId(), channel: channel() };
      return { ...c, ...channelData(c) };
    },
    authenticate: () => ({ socket_id: socketId(), value: userData('id') }),
    query: () => ({ method: chance(0.95) ? pick(['GET', 'POST', 'get', 'Put']) : pick(['', 'G T', 'é', 'X'.repeat(17)]),
      path: `/apps/3${path()}`, params: params(oddKey), ...maybe(0.5, 'body', () => text(30)),
      t: chance(0.02) ? 2 ** 31 + below(1e9) : below(2 ** 31) }),
    webhook,
    trigger: () => ({ channels: chance(0.6) ? [channel()] : chance(0.1) ? [USER_PREFIX + userId()]
      : repeat(chance(0.04) ? pick([0, 100, 101]) : 1 + below(5), () => name()), name: eventName(), value: payload(), ...options() }),
    batch: () => ({ events: repeat(1 + below(10), () => ({ channel: chance(0.05) ? channel() : `${pick(['', 'private-',
      'private-encrypted-'])}${name()}`, name: chance(0.03) ? eventName() : `e${name()}é👍"`, value: chance(0.03) ? payload()
      : value(2), ...(chance(0.05) ? options() : {}) })) }),
    user: () => ({ user_id: userId(), name: eventName(), value: payload() }),
    channels: () => ({ ...maybe(0.6, 'prefix', () => (chance(0.1) ? text(4) : chance(0.1) ? 'p'.repeat(201) : channel())),
      ...maybe(0.5, 'info', info) }),
    channel: () => ({ channel: channel(), ...maybe(0.5, 'info', info) }),
    users: () => ({ channel: channel() }),
    terminate: () => ({ user_id: userId() }),
    get: () => ({ path: path(), params: params(plainKey) }),
    post: () => ({ path: path(), params: params(plainKey), ...maybe(0.9, 'value', () => (chance(0.8) ? object() : value(2))) }),
  };
  const ops = Object.keys(make);
  return function next(i) {
    const op = ops[i % ops.length];
    return { op, encrypts: chance(0.9), t: below(2 ** 31), ...make[op]() };
  };
}

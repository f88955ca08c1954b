// The differential test: libpusher and the official Node SDK, on the same random inputs.
//
//   DIFFERENTIAL_DRIVER=build/dev/tests/differential_driver node tests/differential/differential.mjs [SEED [CASES]]
//
// Both must accept the same and make the same of it, or refuse both. Where they are meant to differ is
// listed in known.mjs; any other difference, and a listed one that is gone, fails the test.
// PUSHERCTL_BIN, if set, names a pusherctl that does some of the cases too.
//   cases.mjs  makes the inputs      sdk.mjs  runs the SDK      driver.c  runs libpusher
//   ctl.mjs    runs pusherctl
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { app, casesFrom, generator } from './cases.mjs';
import { compareCtl, fitsCommandLine } from './ctl.mjs';
import { dataText, KNOWN_DIFFERENCES } from './known.mjs';
import { decodeQuery, encrypting, paramsObject, requestMeaning, runSdk, seal } from './sdk.mjs';

const SHOWN_MAX = 20;
const CTL_CASES = 100; // each starts a process

function fail(text) {
  console.error(`differential: ${text}`);
  process.exit(1);
}

const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 32));
const nCases = Number(process.argv[3] ?? 10000);
const driver = process.env.DIFFERENTIAL_DRIVER;
if (!Number.isInteger(seed) || !Number.isInteger(nCases) || nCases < 0) fail('usage: differential.mjs [SEED [CASES]]');
if (!driver || !existsSync(driver)) fail('DIFFERENTIAL_DRIVER does not name a program: build differential_driver first');
const pusherctl = process.env.PUSHERCTL_BIN;
if (pusherctl && !existsSync(pusherctl)) fail('PUSHERCTL_BIN does not name a program: build pusherctl first');
console.log(`seed ${seed}, ${nCases} cases; to replay: differential.mjs ${seed} ${nCases}`);

// --- libpusher's side

// A case as the driver reads it: values as the text that the application would hand over.
function toDriver(c) {
  const { value, events, ...rest } = c;
  if (events) rest.events = events.map(({ value: data, ...e }) => ({ ...e, data: dataText(data) }));
  if (value === undefined) return rest;
  if (c.op === 'post') return { ...rest, body: JSON.stringify(value) };
  return { ...rest, data: ['authorize', 'authenticate'].includes(c.op) ? JSON.stringify(value) : dataText(value) };
}

function runDriver(cases) {
  const input = [app, ...cases.map(toDriver)].map((line) => `${JSON.stringify(line)}\n`).join('');
  const { stdout, stderr, status, error } = spawnSync(driver, { input, maxBuffer: 2 ** 30, timeout: 240000 });
  const lines = String(stdout).split('\n').slice(0, -1);
  if (error || status !== 0 || lines.length !== cases.length)
    fail(`the driver ended with ${error ?? status} after ${lines.length} of ${cases.length} cases\n${stderr}`);
  return lines.map((line) => JSON.parse(line));
}

// The SDK signs what we signed: the same path, parameters and body, from our own target.
function checkSignature(c, method, path, query, body) {
  const own = /^(auth_(key|timestamp|version|signature)|body_md5)$/;
  const pairs = query.split('&').map((pair) => pair.split('=').map(decodeURIComponent)).filter(([name]) => !own.test(name));
  const now = Date.now;
  Date.now = () => c.t * 1000;
  const theirs = encrypting.createSignedQueryString({ method, path, params: paramsObject(pairs), body });
  Date.now = now;
  if (theirs !== decodeQuery(query)) throw new Error(`the signed query is not the SDK's: ${theirs}`);
}

function ourMeaning(c, answer) {
  if (c.op === 'query') return decodeQuery(answer.query);
  if ('json' in answer) return JSON.parse(answer.json);
  const [path, query] = answer.target.split('?');
  checkSignature(c, answer.method, path, query, answer.body);
  return requestMeaning(c.op, answer.method, path, decodeQuery(query), answer.body).meaning;
}

// --- the comparison

const occurred = new Map(KNOWN_DIFFERENCES.map((known) => [known.id, 0]));
const perOp = {};
const count = { accepted: 0, refused: 0, known: 0, unknown: 0 };

// {same}, {known: row} or {unknown: text}.
function compare(c, sdk, answer) {
  const rows = KNOWN_DIFFERENCES.filter((row) => row.ops.includes(c.op) && row.when(c));
  if (answer.code !== 'ok') {
    if (sdk.refused !== undefined) return { same: 'refused' };
    const row = rows.find((one) => [one.code].flat().includes(answer.code));
    return row ? { known: row } : { unknown: `we refuse (${answer.code}: ${answer.text}), the SDK does not` };
  }
  const strict = rows.find((row) => row.code);
  if (strict) return { unknown: `accepted, in spite of "${strict.id}"` };
  const ours = plainObject(ourMeaning(c, answer));
  if (sdk.meaning && isDeepStrictEqual(ours, plainObject(sdk.meaning))) return { same: 'accepted' };
  const row = rows.find((one) => isDeepStrictEqual(ours, plainObject(one.expected(c, sdk.meaning))));
  if (row) return { known: row };
  return { unknown: `ours ${JSON.stringify(ours)}\n  the SDK's ${sdk.refused ?? JSON.stringify(sdk.meaning)}` };
}

// Without the members that are undefined, as JSON has none; -0 is 0 there.
const plainObject = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function report(c, text) {
  if (++count.unknown <= SHOWN_MAX) console.log(`not ok - ${JSON.stringify(c)}\n  ${text}`);
}

function judge(c, sdk, answer) {
  let result;
  try {
    result = compare(c, sdk, answer);
  } catch (error) {
    result = { unknown: error.stack };
  }
  perOp[c.op] = (perOp[c.op] ?? 0) + 1;
  if (result.same) count[result.same]++;
  if (result.known) count.known++;
  if (result.known) occurred.set(result.known.id, occurred.get(result.known.id) + 1);
  if (result.unknown) report(c, result.unknown);
  return result;
}

const random = generator(seed);
const next = casesFrom(random, seal);
const cases = [...KNOWN_DIFFERENCES.map((row) => row.example), ...Array.from({ length: nCases }, (_, i) => next(i))];
const theirs = cases.map(runSdk);
// What the SDK encrypted, for us to open.
const sealed = theirs.flatMap((sdk) => sdk.sealed ?? []);
const answers = runDriver([...cases, ...sealed.map(({ channel, data }) => ({ op: 'decrypt', encrypts: true, channel, data }))]);

cases.forEach((c, i) => {
  const result = judge(c, theirs[i], answers[i]);
  const row = KNOWN_DIFFERENCES[i];
  if (row && result.known !== row && !result.unknown)
    report(c, `the known difference "${row.id}" is gone (${result.known?.id ?? 'both do the same'}): take it off the list`);
});
sealed.forEach(({ channel, data, plaintext }, i) => {
  const answer = answers[cases.length + i];
  if (answer.code !== 'ok' || answer.plaintext !== plaintext) report({ channel, data }, `decrypted to ${JSON.stringify(answer)}`);
});

let nCtl = 0;
for (let i = 0; pusherctl && i < cases.length && nCtl < CTL_CASES; i++) {
  if (!fitsCommandLine(cases[i])) continue;
  nCtl++;
  const text = compareCtl(pusherctl, cases[i], answers[i]);
  if (text) report(cases[i], text);
}

console.log(Object.entries(perOp).map(([op, n]) => `${op} ${n}`).join(', '));
for (const row of KNOWN_DIFFERENCES)
  console.log(`${String(occurred.get(row.id)).padStart(6)} x ${row.code ? 'stricter' : 'other   '}  ${row.id}: ${row.why}`);
console.log(`${cases.length} cases: ${count.accepted} accepted with equal results, ${count.refused} refused by both, ` +
  `${count.known} known differences of ${KNOWN_DIFFERENCES.length} kinds, ${sealed.length} of the SDK's ciphertexts opened, ` +
  `${nCtl} by pusherctl too; ` +
  `${count.unknown} disagreements`);
process.exit(count.unknown === 0 ? 0 : 1);

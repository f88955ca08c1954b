// The dashboard's queries, asked of a real Prometheus that scrapes a real pusherd: each is one that Prometheus
// understands, names only metrics and labels that there are, and gives something. The alerts of examples/prometheus
// must be understood, and name what there is, as well.
//
//   PUSHERD_BIN=build/dev/bin/pusherd FAKE_PUSHER_BIN=build/dev/bin/fake-pusher node tests/grafana/grafana.mjs
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { folder, freePort, log, start, stop, until } from '../support/children.mjs';
import { LIST, startFake, startPusherd, startRedis } from '../web/stage.mjs';

const LIMIT_MS = 80000;
const root = new URL('../..', import.meta.url).pathname;
let passed = 0, failed = 0;

function check(name, ok, detail = '') {
  if (!ok || !detail) console.log(`${ok ? 'ok' : 'not ok'} - ${name}${ok || !detail ? '' : `: ${detail}`}`);
  if (ok) passed++;
  else failed++;
}

function fail(text) {
  console.error(`grafana: ${text}`);
  process.exit(1);
}

for (const name of ['PUSHERD_BIN', 'FAKE_PUSHER_BIN'])
  if (!existsSync(process.env[name] || '')) fail(`${name} does not name a program: build it first`);
for (const name of ['prometheus', 'promtool'])
  if (!existsSync(`/usr/bin/${name}`)) fail(`there is no /usr/bin/${name}: run scripts/packages test`);
setTimeout(() => fail(`not done after ${LIMIT_MS} ms\n${log('prometheus')}`), LIMIT_MS).unref();

const alerts = join(root, 'examples/prometheus/pusherd.rules.yml');
const dashboard = JSON.parse(readFileSync(join(root, 'examples/grafana/pusherd.json'), 'utf8'));
const redis = await startRedis();
const fake = await startFake();
const pusherd = await startPusherd('pusherd', fake.port, '');

// --- what is scraped

async function readMetrics() {
  const answer = await fetch(`${pusherd.url}metrics`);
  return answer.text();
}

// The labels of each series' name.
function labelsByName(text) {
  const labels = new Map();
  for (const line of text.split('\n')) {
    const [, name, inside] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) || [];
    if (name) labels.set(name, new Set([...(labels.get(name) || []), 'instance', 'job',
      ...[...(inside || '').matchAll(/([a-z_]+)="/g)].map((match) => match[1])]));
  }
  return labels;
}

async function push() {
  const jobs = Array.from({ length: 20 }, (_, i) => ({ channel: `room-${i % 7}`, event: 'message', data: { n: i } }));
  jobs.push({ channel: 'not a channel', event: 'message', data: 'x' });
  await redis.send('RPUSH', LIST, ...jobs.map((job) => JSON.stringify(job)));
}

async function startPrometheus() {
  const port = await freePort(), config = join(folder, 'prometheus.yml');
  writeFileSync(config, `global: { scrape_interval: 500ms }
scrape_configs:
  - job_name: pusherd
    static_configs: [{ targets: ['${new URL(pusherd.url).host}'] }]\n`);
  const child = start('prometheus', 'prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn']);
  const url = `http://127.0.0.1:${port}/api/v1/`;
  const query = async (expr) => (await fetch(`${url}query?${new URLSearchParams({ query: expr })}`)).json();
  await until('prometheus', async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${log('prometheus')}`);
    return (await query('up == 1').catch(() => null))?.data?.result.length > 0;
  });
  return { child, query };
}

// --- the queries

// What Grafana puts in for its variables.
const fill = (expr) => expr.replaceAll('$__rate_interval', '5s').replaceAll('$__interval', '5s')
  .replace(/\$(instance|queue|app)\b/g, '.*');

// Queries that need not give anything while all is well.
const mayBeEmpty = (expr) => /^changes\(|> 0$/.test(expr) && !expr.includes('pusherd_jobs_failed_total');

function expressions() {
  const found = [];
  for (const panel of dashboard.panels)
    for (const target of panel.targets || []) found.push({ where: panel.title, ...target });
  for (const annotation of dashboard.annotations.list) found.push({ where: annotation.name, ...annotation });
  return found;
}

// Each metric is there, and has each label that its matchers, `by` and the legend name.
function checkNames({ where, expr, legendFormat = '' }, labels) {
  const names = [...new Set(expr.match(/pusherd_[a-z_]+/g))];
  const used = [...expr.matchAll(/([a-z_]+)\s*=~?"/g)].map((match) => match[1]).concat(
    [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap((match) => match[1].split(/,\s*/)),
    [...legendFormat.matchAll(/\{\{(.*?)\}\}/g)].map((match) => match[1]));
  for (const name of names) {
    check(`${where}: there is ${name}`, labels.has(name), 'no such series at /metrics');
    for (const label of new Set(used))
      check(`${where}: ${name} has ${label}`, labels.get(name)?.has(label), 'no such label at /metrics');
  }
  const grouped = /by \(([^)]*)\)/.exec(expr)?.[1].split(/,\s*/);
  for (const [, label] of legendFormat.matchAll(/\{\{(.*?)\}\}/g))
    check(`${where}: the legend's ${label} is left in the result`, !grouped || grouped.includes(label), expr);
}

async function checkQuery(prometheus, { where, expr }) {
  const answer = await prometheus.query(fill(expr));
  check(`${where}: Prometheus understands it`, answer.status === 'success', `${answer.error}: ${expr}`);
  const values = (answer.data?.result || []).filter((sample) => sample.value[1] !== 'NaN');
  check(`${where}: gives something`, values.length > 0 || mayBeEmpty(expr), expr);
}

// Variables: label_values(SELECTOR, LABEL).
async function checkVariable(prometheus, variable, labels) {
  const [, selector, label] = /^label_values\((.*), ([a-z]+)\)$/.exec(variable.query.query) || [];
  const name = /^[a-z_]+/.exec(selector || '')?.[0];
  check(`$${variable.name}: ${name} has ${label}`, labels.get(name)?.has(label), variable.query.query);
  const answer = await prometheus.query(fill(selector || ''));
  check(`$${variable.name}: gives something`, answer.data?.result.length > 0, variable.query.query);
}

function checkTools(text) {
  const run = (args, options) => {
    try {
      return execFileSync('promtool', args, { stdio: 'pipe', ...options }) && '';
    } catch (error) {
      return `${error.stdout}${error.stderr}`;
    }
  };
  const metrics = run(['check', 'metrics'], { input: text });
  check('promtool has nothing against /metrics', !metrics, metrics || ' ');
  const rules = run(['check', 'rules', alerts]);
  check('promtool has nothing against the alerts', !rules, rules || ' ');
}

try {
  await push();
  const prometheus = await startPrometheus();
  const end = Date.now() + 4000; // a rate needs some samples
  await until('samples', async () => { await push(); return Date.now() > end; });
  const text = await readMetrics(), labels = labelsByName(text);
  const all = expressions();
  check('the dashboard has queries', all.length > 20);
  for (const one of all) checkNames(one, labels);
  for (const one of all) await checkQuery(prometheus, one);
  for (const variable of dashboard.templating.list.filter((v) => v.type === 'query'))
    await checkVariable(prometheus, variable, labels);
  for (const name of new Set(readFileSync(alerts, 'utf8').match(/pusherd_[a-z_]+/g)))
    check(`alerts: there is ${name}`, labels.has(name), 'no such series at /metrics');
  checkTools(text);
  await stop(prometheus.child);
} catch (error) {
  check('no step failed', false, error.stack);
}
await stop(pusherd.child);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

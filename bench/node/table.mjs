// The table and the plot of a run, from its figures.
// usage: table.mjs FOLDER: reads figures.jsonl, writes table.md and plot.svg there, and prints the table
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

const NAMES = {
  'wrk': 'wrk, a fixed body of ten (the limit)',
  'pusherd': 'pusherd',
  'sdk-batch': 'node SDK, `triggerBatch` of ten',
  'sdk-trigger': 'node SDK, `trigger`',
  'bullmq-batch': 'BullMQ, jobs of ten, `triggerBatch`',
  'bullmq-trigger': 'BullMQ, `trigger`',
};

const folder = process.argv[2];
const figures = readFileSync(`${folder}/figures.jsonl`, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const median = (values) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

function summary(program) {
  const rounds = figures.filter((f) => f.program === program);
  const of = (value) => median(rounds.map(value));
  return {
    program,
    rate: of((f) => f.events / f.seconds), cpu: of((f) => f.cpu_us / f.events),
    low: Math.min(...rounds.map((f) => f.cpu_us / f.events)), high: Math.max(...rounds.map((f) => f.cpu_us / f.events)),
    perRequest: of((f) => f.events / f.requests), rss: of((f) => f.rss_kb) / 1024,
    redis: of((f) => f.redis_us / f.events),
  };
}

function text(command, ...args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (error) {
    return (error.stdout || error.stderr || '').trim();
  }
}
const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

const rows = [...new Set(figures.map((f) => f.program))].map(summary);
const find = (program) => rows.find((row) => row.program === program);
const ratio = (row, to) => (find(to) ? (row.cpu / find(to).cpu).toFixed(2) : '-');
const rate = (value) => Math.round(value).toLocaleString('en').replaceAll(',', ' ');

const table = [
  '| | events/s | CPU µs an event (least to most) | events a request | RSS MB | CPU ÷ pusherd\'s | CPU ÷ wrk\'s | Redis\'s CPU µs an event |',
  '|---|---|---|---|---|---|---|---|',
  ...rows.map((r) => `| ${NAMES[r.program]} | ${rate(r.rate)} | ${r.cpu.toFixed(2)} (${r.low.toFixed(2)} to ${r.high.toFixed(2)}) | ` +
    `${r.perRequest.toFixed(1)} | ${r.rss ? r.rss.toFixed(1) : '-'} | ${ratio(r, 'pusherd')} | ${ratio(r, 'wrk')} | ${r.redis ? r.redis.toFixed(2) : '-'} |`),
].join('\n');

const release = readFileSync('/etc/os-release', 'utf8').match(/PRETTY_NAME="(.*)"/)[1];
const machine = [
  `bench/run ${process.env.BENCH_OPTIONS}`.trim() + `, medians of ${figures.length / rows.length}, ${new Date().toISOString().slice(0, 10)}`,
  `${os.cpus().length} cores, ${os.cpus()[0].model}; ${release}, Linux ${os.release()}`,
  `load when it ended: ${os.loadavg()[0].toFixed(1)}`,
  [text(process.env.PUSHERD_BIN, '--version'), text('sh', '-c', 'nginx -v 2>&1').replace('nginx version: ', ''), text('redis-server', '--version').match(/v=(\S+)/)?.[1].replace(/^/, 'Redis '),
    `node ${process.version.slice(1)}`, `pusher ${version('pusher')}`, `BullMQ ${version('bullmq')}`, `ioredis ${version('ioredis')}`].join(', '),
].map((line) => `- ${line}`).join('\n');

// Bars of the CPU time of an event, on a logarithmic scale from 0.5 µs on.
function plot() {
  const left = 270, width = 420, step = 34, from = Math.log10(0.5);
  const to = Math.log10(Math.max(...rows.map((r) => r.cpu)) * 1.3);
  const x = (us) => (left + width * (Math.max(Math.log10(us), from) - from) / (to - from)).toFixed(1);
  const ticks = [1, 10, 100, 1000].filter((t) => Math.log10(t) < to).map((t) =>
    `<line x1="${x(t)}" x2="${x(t)}" y1="30" y2="${40 + rows.length * step}" stroke="#ccc"/><text x="${x(t)}" y="24" text-anchor="middle">${t}</text>`);
  const bars = rows.map((r, i) => {
    const y = 40 + i * step;
    const colour = r.program === 'pusherd' ? '#1b7f5c' : r.program === 'wrk' ? '#999' : '#6a5acd';
    return `<text x="${left - 8}" y="${y + 16}" text-anchor="end">${NAMES[r.program].replaceAll('`', '')}</text>` +
      `<rect x="${left}" y="${y}" width="${x(r.cpu) - left}" height="22" fill="${colour}"/><text x="${Number(x(r.cpu)) + 6}" y="${y + 16}">${r.cpu.toFixed(1)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="760" height="${60 + rows.length * step}" font-family="sans-serif" font-size="13">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="8" y="24">CPU µs an event, logarithmic</text>${ticks.join('')}${bars.join('')}</svg>\n`;
}

writeFileSync(`${folder}/table.md`, `${table}\n\n${machine}\n`);
writeFileSync(`${folder}/plot.svg`, plot());
console.log(`${table}\n\n${machine}\n\nwritten to ${folder}: table.md, plot.svg, figures.jsonl`);

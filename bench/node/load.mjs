// A row of the table of bench/loads, or without arguments its head.
// usage: load.mjs [NAME FOLDER PLAIN_BEFORE PLAIN_AFTER]: folders with the figures.jsonl of a run
import { readFileSync } from 'node:fs';

const [name, folder, ...plain] = process.argv.slice(2);

function figures(of, program) {
  const lines = readFileSync(`${of}/figures.jsonl`, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  return lines.find((line) => line.program === program);
}
const cpu = (f) => f.cpu_us / f.events;

if (!name) {
  console.log('| | events/s | CPU µs an event | ÷ plain | wrk\'s | Redis\'s | events a request | RSS MB |');
  console.log('|---|---|---|---|---|---|---|---|');
} else {
  const f = figures(folder, 'pusherd');
  const before = plain.map((of) => cpu(figures(of, 'pusherd')));
  const ratio = cpu(f) / ((before[0] + before[1]) / 2);
  console.log(`| ${name} | ${Math.round(f.events / f.seconds).toLocaleString('en').replaceAll(',', ' ')} | ${cpu(f).toFixed(1)} | ` +
    `${ratio.toFixed(2)} | ${cpu(figures(folder, 'wrk')).toFixed(1)} | ${(f.redis_us / f.events).toFixed(1)} | ` +
    `${(f.events / f.requests).toFixed(1)} | ${(f.rss_kb / 1024).toFixed(1)} |`);
}

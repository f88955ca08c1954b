// Puts jobs where a worker does not see them yet, then shows them all at once.
// usage: fill.mjs list|bullmq-trigger|bullmq-batch EVENTS     prepares them
//        fill.mjs show list|bullmq-trigger|bullmq-batch       shows them
//        fill.mjs size                                        bytes of an event in a batch's body
//        fill.mjs body                                        a batch of ten, as the SDK sends it
import { Queue } from 'bullmq';
import { connect, eventOf, LIST, sentOf } from './setup.mjs';

const HIDDEN = `${LIST}:hidden`;
const CHUNK = 1000;

function* chunks(count, size = CHUNK) {
  for (let i = 0; i < count; i += size)
    yield Array.from({ length: Math.min(size, count - i) }, (_, k) => eventOf(i + k));
}

// A msgpack value of what events are made of: maps and strings.
function pack(value) {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    if (bytes.length < 32) return Buffer.concat([Buffer.from([0xa0 | bytes.length]), bytes]);
    return Buffer.concat([Buffer.from([0xda, bytes.length >> 8, bytes.length & 255]), bytes]);
  }
  const members = Object.entries(value);
  return Buffer.concat([Buffer.from([0x80 | members.length]), ...members.flat().map(pack)]);
}

async function fillList(redis, count) {
  const encode = process.env.BENCH_FORMAT === 'msgpack' ? pack : JSON.stringify;
  for (const events of chunks(count)) await redis.rpush(HIDDEN, ...events.map(encode));
}

async function fillQueue(queue, count, perJob) {
  await queue.pause();
  for (const events of chunks(count)) {
    const jobs = perJob === 1 ? events : [...Array(Math.ceil(events.length / perJob)).keys()].map((i) => events.slice(i * perJob, (i + 1) * perJob));
    await queue.addBulk(jobs.map((data) => ({ name: 'event', data })));
  }
}

const [verb, argument] = process.argv.slice(2);
if (verb === 'size') console.log(JSON.stringify(sentOf(0)).length);
else if (verb === 'body') {
  process.stdout.write(JSON.stringify({ batch: [...Array(10).keys()].map(sentOf) }));
} else {
  const redis = connect();
  const kind = verb === 'show' ? argument : verb;
  if (kind === 'list') {
    if (verb === 'show') await redis.rename(HIDDEN, LIST);
    else await fillList(redis, Number(argument));
  } else {
    const queue = new Queue('events', { connection: redis });
    if (verb === 'show') await queue.resume();
    else await fillQueue(queue, Number(argument), kind === 'bullmq-batch' ? 10 : 1);
    await queue.close();
  }
  await redis.quit();
}

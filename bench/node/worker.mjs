// A worker as users write them today. It is given its best: jobs are taken many at a time, nothing is written
// down about them, and a job in hand is lost if it dies.
// usage: worker.mjs sdk-batch|sdk-trigger|bullmq-batch|bullmq-trigger
import { Worker } from 'bullmq';
import { client, connect, EVENT, LIST } from './setup.mjs';

const IN_FLIGHT = { 'sdk-batch': 32, 'sdk-trigger': 64, 'bullmq-batch': 32, 'bullmq-trigger': 64 };
const AT_A_TIME = 500;

const mode = process.argv[2];
const inFlight = IN_FLIGHT[mode];
const pusher = client(inFlight);
const trigger = (job) => pusher.trigger(job.channel, EVENT, job.data);
const triggerBatch = (jobs) => pusher.triggerBatch(jobs.map((j) => ({ channel: j.channel, name: EVENT, data: j.data })));

function bullmq(work) {
  const worker = new Worker('events', (job) => work(job.data), {
    connection: connect(), concurrency: inFlight, removeOnComplete: { count: 1000 },
  });
  worker.on('failed', (_, error) => { throw error; });
}

// Takes what there is, up to n jobs of those in hand; refills from the list.
function source() {
  const redis = connect(), waiting = connect();
  let hand = [];
  let refill = null;
  return async (n) => {
    while (hand.length === 0) {
      refill ??= redis.lpop(LIST, AT_A_TIME).then(async (jobs) => {
        hand = jobs ?? [(await waiting.blpop(LIST, 0))[1]];
        refill = null;
      });
      await refill;
    }
    return hand.splice(0, n).map((job) => JSON.parse(job));
  };
}

async function loop(take, n, work) {
  for (;;) await work(await take(n));
}

if (mode === 'bullmq-trigger') bullmq(trigger);
else if (mode === 'bullmq-batch') bullmq(triggerBatch);
else {
  const take = source();
  const [n, work] = mode === 'sdk-batch' ? [10, triggerBatch] : [1, ([job]) => trigger(job)];
  for (let i = 0; i < inFlight; i++) loop(take, n, work);
}

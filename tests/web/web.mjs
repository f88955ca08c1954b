// The console in a real browser: it shows what is there and nothing else, and does what it is told, by mouse and by
// keyboard, wide and narrow, light and dark.
//
//   PUSHERD_BIN=build/dev/bin/pusherd FAKE_PUSHER_BIN=build/dev/bin/fake-pusher node tests/web/web.mjs
//
// WEB_SHOTS=FOLDER keeps pictures of it there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const LIMIT_MS = 100000;
const here = new URL('.', import.meta.url).pathname;
const chromium = process.env.CHROMIUM_BIN || '/usr/bin/chromium';
let passed = 0, failed = 0;

function check(name, ok, detail = '') {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}${ok || !detail ? '' : `: ${String(detail).slice(0, 400)}`}`);
  if (ok) passed++;
  else failed++;
}

function fail(text) {
  console.error(`web: ${text}`);
  process.exit(1);
}

for (const name of ['PUSHERD_BIN', 'FAKE_PUSHER_BIN'])
  if (!existsSync(process.env[name] || '')) fail(`${name} does not name a program: build it first`);
if (!existsSync(chromium)) fail(`there is no ${chromium}: run scripts/packages test, or set CHROMIUM_BIN`);
if (!existsSync(join(here, 'node_modules', 'playwright-core')))
  fail('playwright-core is not installed: run tests/web/setup first');

const { chromium: browsers } = await import('playwright-core');
const { log, stop, until } = await import('../support/children.mjs');
const { LIST, TOKEN, startFake, startPusherd, startRedis } = await import('./stage.mjs');

setTimeout(() => fail(`not done after ${LIMIT_MS} ms\n${log('locked')}${log('open')}`), LIMIT_MS).unref();

const FAILURES = `{${LIST}}:failures`;
const EVIL = '<script>window.evil=1</script><img src=x onerror="window.evil=2">';
const redis = await startRedis();
const fake = await startFake();
const open = await startPusherd('open', fake.port, 'token_file = token');
const locked = await startPusherd('locked', fake.port, '');

const push = (n, job = {}) => redis.send('RPUSH', LIST, ...Array.from({ length: n }, (_, i) =>
  JSON.stringify({ channel: `room-${i % 7}`, event: 'message', data: { n: i }, ...job })));
const nFailures = async () => Number(await redis.send('XLEN', FAILURES));

// --- what the server lets through, without a browser

const json = { 'Content-Type': 'application/json' };
const bearer = { Authorization: `Bearer ${TOKEN}` };
async function status(url, options = {}) {
  return (await fetch(url, options)).status;
}
async function checkServer() {
  const body = JSON.stringify({ queue: LIST });
  const post = (base, headers, path = 'api/pause') =>
    status(base.url + path, { method: 'POST', headers, body });
  for (const path of ['pause', 'resume', 'replay', 'drop']) {
    check(`${path} without a token configured is refused`,
      await post(locked, { ...json, ...bearer }, `api/${path}`) === 403);
    check(`${path} without the token is refused`, await post(open, json, `api/${path}`) === 401);
    check(`${path} with a wrong token is refused`,
      await post(open, { ...json, Authorization: `Bearer ${TOKEN}x` }, `api/${path}`) === 401);
    check(`${path} as GET is refused`, await status(`${open.url}api/${path}`, { headers: bearer }) === 405);
  }
  check('a form of another page cannot act',
    await post(open, { 'Content-Type': 'application/x-www-form-urlencoded', ...bearer }) === 415);
  check('a token in the URL is none',
    await post(open, json, `api/pause?token=${TOKEN}&access_token=${TOKEN}`) === 401);
  check('nothing was paused', await redis.send('EXISTS', `{${LIST}}:paused`) === 0);
}

// --- the browser

const browser = await browsers.launch({ executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });

async function openPage(base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.on('pageerror', (error) => page.trouble.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error') page.trouble.push(message.text()); });
  page.on('request', (request) => {
    if (!request.url().startsWith(base.url) && !request.url().startsWith('data:')) page.trouble.push(request.url());
  });
  await page.goto(base.url);
  await page.waitForSelector('#queues tr');
  return page;
}

// It loaded nothing from elsewhere, and nothing went wrong.
async function closePage(page, name) {
  check(`${name}: no errors, no requests to elsewhere`, page.trouble.length === 0, page.trouble.join('; '));
  await page.context().close();
}

async function shoot(page, name) {
  if (process.env.WEB_SHOTS) await page.screenshot({ path: join(process.env.WEB_SHOTS, `${name}.png`), fullPage: true });
}

const fitsWidth = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
const chartPath = (page, title) => page.getAttribute(`figure[data-chart="${title}"] path`, 'd');
const waitFor = (page, what, expression) => until(what, () => page.evaluate(expression));

async function unlock(page, token) {
  await page.fill('#token', token);
  await page.keyboard.press('Enter');
}

// --- what it shows

async function checkCharts(page) {
  for (const title of ['Throughput', 'Latency', 'Batch fill', 'Backlog']) {
    const first = await until(`a line in ${title}`, async () => {
      await push(40);
      const path = await chartPath(page, title);
      return path.includes('L') && path;
    });
    check(`the chart of ${title} moves`,
      await until(`${title} to move`, async () => await chartPath(page, title) !== first));
  }
  const label = await page.getAttribute('figure[data-chart="Throughput"] svg', 'aria-label');
  check('charts say in words what they show', /^Throughput: \d.* events\/s, \d.* jobs\/s$/.test(label), label);
}

async function addFailures() {
  await push(1, { channel: 'not a channel', data: EVIL, id: '<b>id</b>\u202egpj.\u2066\u200b\u{e0041}' });
  await until('the oldest', async () => await nFailures() === 1); // two daemons share the list
  await push(25, { channel: 'not a channel' });
  await push(1, { channel: 'not a channel', data: { n: '@' } });
  await until('all but the newest', async () => await nFailures() === 27);
  await redis.send('RPUSH', LIST, '{"channel":"no channel","event":"e","data":12345678901234567890}');
  await until('the failures', async () => await nFailures() === 28);
}

async function checkFailures(page) {
  await page.click('#refresh');
  await page.waitForSelector('details.failure');
  check('the newest failures are shown', await page.locator('details.failure').count() === 20);
  await page.locator('details.failure summary').first().click();
  const newest = await page.locator('details.failure[open] pre').first().textContent();
  check('numbers keep their digits', newest.includes('12345678901234567890'), newest);
  await page.click('#older');
  await waitFor(page, 'older ones', "document.querySelectorAll('details.failure').length === 28");
  const oldest = page.locator('details.failure').last();
  check('the reason is shown', /invalid_channel.*<b>id<\/b>/.test(await oldest.locator('summary').textContent()));
  check('what nobody sees is shown', (await oldest.locator('summary').textContent())
    .includes('</b>\\u{202e}gpj.\\u{2066}\\u{200b}\\u{e0041}'));
  await oldest.locator('summary').click();
  check('a payload with markup is text', (await oldest.locator('pre').textContent()).includes(JSON.stringify(EVIL)));
  check('no markup of a payload was made', await page.evaluate(
    "document.querySelectorAll('#failures script, #failures img, #failures b').length === 0 && !window.evil"));
}

// Failures that were not there before, each of a job that is never sent. The first of them is opened: then the list
// holds still.
async function showFailures(page, n) {
  await redis.send('DEL', FAILURES);
  const ids = [];
  for (let i = 0; i < n; i++) ids.unshift(await redis.send('XADD', FAILURES, '*', 'code', 'rejected', 'job', '{}'));
  await page.click('#refresh');
  await waitFor(page, 'the failures', `document.querySelector('details.failure')?.dataset.id === '${ids[0]}'`);
  await page.locator('details.failure summary').first().click();
  return ids;
}

// What it says at the end, when a button was pressed and that confirmed.
async function saidAfter(page, button) {
  await page.evaluate("document.getElementById('said').textContent = ''");
  await button.click();
  await page.keyboard.press('Enter');
  await waitFor(page, 'the end', "document.getElementById('said').textContent");
  return page.textContent('#said');
}

// Somebody else was quicker, or Redis is away in the midst of it: it says what was done, and why the rest was not.
async function checkAll(page) {
  const dropAll = page.locator('#drop-all');
  const [, second] = await showFailures(page, 3);
  await redis.send('XDEL', FAILURES, second);
  let said = await saidAfter(page, dropAll);
  check('what somebody else dropped is counted apart', /^2 dropped, 1 gone already/.test(said), said);
  check('and is shown no more', await page.locator('details.failure').count() === 0);

  const [only] = await showFailures(page, 1);
  await redis.send('XDEL', FAILURES, only);
  said = await saidAfter(page, page.locator('details.failure button', { hasText: 'Drop' }));
  check('one that somebody else dropped was gone', /^It was gone already/.test(said), said);

  await showFailures(page, 3);
  let asked = 0;
  await page.route('**/api/drop', (route) => asked++ === 0 ? route.continue()
    : route.fulfill({ status: 503, json: { error: 'no connection to Redis' } }));
  said = await saidAfter(page, dropAll);
  check('where it stops it says why', said === '1 dropped; then it stopped: no connection to Redis', said);
  check('and leaves the others', asked === 2 && await page.locator('details.failure').count() === 2);
  await page.unroute('**/api/drop');
  page.trouble.length = 0; // the browser says that there were a 404 and a 503
}

// Of large jobs an answer has fewer: what is older is reached all the same, and stays when the newest are looked at.
async function checkLargeFailures() {
  const job = JSON.stringify({ channel: 'c', event: 'e', data: 'x'.repeat(500000) });
  await redis.send('DEL', FAILURES);
  for (let i = 0; i < 30; i++)
    await redis.send('XADD', FAILURES, '*', 'id', `large-${i}`, 'code', 'rejected', 'error', 'too large', 'job', job);
  const page = await openPage(open);
  await page.waitForSelector('details.failure');
  const failures = page.locator('details.failure'), older = page.locator('#older');
  const first = await failures.count();
  check('of large failures fewer are shown at once', first < 20, first);
  for (let n = first; await older.isVisible(); n = await failures.count()) {
    await older.click();
    await waitFor(page, 'older ones', `document.querySelectorAll('details.failure').length > ${n} ||
      document.getElementById('older').hidden`);
    const now = await failures.count();
    await page.evaluate('readFailures(false)');
    check(`what was paged back to stays: ${now}`, await failures.count() === now, await failures.count());
  }
  const ids = (await failures.locator('summary').allTextContents()).map((text) => /id (large-\d+)$/.exec(text)?.[1]);
  check('large failures are shown to the oldest, each once and in order',
    ids.join() === Array.from({ length: 30 }, (_, i) => `large-${29 - i}`).join(), ids.join());
  await closePage(page, 'large failures');
}

// More have come than an answer holds: nothing is hidden between them and what was shown before.
async function checkGap() {
  const add = (n) => redis.send('EVAL',
    `for i = 1, ${n} do redis.call('XADD', KEYS[1], '*', 'code', 'rejected', 'job', '{}') end`, 1, FAILURES);
  await redis.send('DEL', FAILURES);
  await add(5);
  const page = await openPage(open);
  await page.waitForSelector('details.failure');
  await add(30);
  await page.evaluate('readFailures(false)');
  const failures = page.locator('details.failure');
  check('after many have come only the newest are shown', await failures.count() === 20, await failures.count());
  await page.click('#older');
  await waitFor(page, 'older ones', "document.querySelectorAll('details.failure').length === 35");
  check('and all others are reached', !await page.locator('#older').isVisible());
  await closePage(page, 'many failures');
  await redis.send('DEL', FAILURES);
}

async function checkReadOnly() {
  const page = await openPage(locked);
  await page.waitForSelector('details.failure');
  check('without a token configured there is nothing to press',
    await page.locator('.acts:visible').count() === 0 && await page.locator('#token:visible').count() === 0);
  await closePage(page, 'read only');
}

// --- what it does

async function checkToken(page) {
  check('nothing can be done before the token is given', await page.locator('.acts:visible').count() === 0);
  await unlock(page, 'a-wrong-token-of-some-length');
  await waitFor(page, 'the refusal', "document.getElementById('said').textContent.includes('wrong')");
  check('a wrong token unlocks nothing', await page.locator('.acts:visible').count() === 0);
  page.trouble.length = 0; // the browser says that there was a 401
  await unlock(page, TOKEN);
  await page.waitForSelector('.acts button:visible');
  check('the token is not kept anywhere', await page.evaluate(
    'localStorage.length + sessionStorage.length === 0 && document.cookie === "" && !location.href.includes("token")'));
}

async function checkPause(page) {
  await page.click('button[aria-label="Pause main"]');
  await page.keyboard.type('because');
  await page.keyboard.press('Enter');
  await until('the pause in Redis', async () => /because/.test(await redis.send('HGET', `{${LIST}}:paused`, 'main')));
  await page.waitForSelector('button[aria-label="Resume main"]');
  check('an app can be paused, with a reason', true);
  await shoot(page, 'paused');
  await page.click('button[aria-label="Resume main"]');
  await until('the end of the pause', async () => await redis.send('EXISTS', `{${LIST}}:paused`) === 0);
  await page.click(`button[aria-label="Pause ${LIST}"]`);
  await page.keyboard.press('Enter');
  await page.waitForSelector(`button[aria-label="Resume ${LIST}"]`);
  check('a queue can be paused', await redis.send('HEXISTS', `{${LIST}}:paused`, '*') === 1);
  await page.click(`button[aria-label="Resume ${LIST}"]`);
  await until('the end of the pause', async () => await redis.send('EXISTS', `{${LIST}}:paused`) === 0);
  check('and go on', true);
}

async function checkReplay(page) {
  await redis.send('DEL', FAILURES);
  await fake.setRules([{ action: { status: 400, body: 'no\n' } }]);
  await push(1, { id: 'again' });
  await push(1, { id: 'never', channel: 'not a channel' });
  await until('two failures', async () => await nFailures() === 2);
  await fake.setRules([]);
  const before = Number(await redis.send('XLEN', `{${LIST}}:results`));
  await page.click('#refresh');
  const again = page.locator('details.failure', { hasText: 'id again' });
  await again.locator('summary').click();
  await again.locator('button', { hasText: 'Replay' }).click();
  await until('the job that is replayed', async () =>
    Number(await redis.send('XLEN', `{${LIST}}:results`)) === before + 1);
  await again.waitFor({ state: 'detached' });
  check('a failure can be replayed', await nFailures() === 1);
  const never = page.locator('details.failure', { hasText: 'id never' });
  await never.locator('summary').click();
  await never.locator('button', { hasText: 'Drop' }).click();
  await page.keyboard.press('Escape');
  check('dropping can be thought better of', await nFailures() === 1);
  await never.locator('button', { hasText: 'Drop' }).click();
  await page.keyboard.press('Enter');
  await never.waitFor({ state: 'detached' });
  check('a failure can be dropped', await nFailures() === 0);
}

// Everything without a mouse: Tab until the element has the focus.
async function tabTo(page, selector) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
  }
  throw new Error(`Tab does not get to ${selector}`);
}

async function checkKeyboard() {
  await push(1, { channel: 'not a channel', id: 'by-key' });
  await until('a failure', async () => await nFailures() === 1);
  const page = await openPage(open);
  await tabTo(page, '#token');
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.acts button:visible');
  await page.waitForSelector('details.failure');
  await tabTo(page, 'details.failure summary');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  check('the focus is seen', outline === 'solid', outline);
  await page.keyboard.press('Enter');
  await tabTo(page, 'details.failure button');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Enter');
  await until('the failure to be dropped', async () => await nFailures() === 0);
  check('a failure can be dropped by keyboard alone', true);
  await tabTo(page, 'button[aria-label="Pause main"]');
  await waitFor(page, 'two more looks', `(window.looks = (window.looks || 0) + 1) > 100`);
  check('the focus stays while the page is drawn anew', await page.evaluate(
    `document.activeElement.matches('button[aria-label="Pause main"]')`));
  await closePage(page, 'keyboard');
}

// --- how it looks

const background = (page) => page.evaluate('getComputedStyle(document.body).backgroundColor');

async function checkLooks() {
  await push(3, { channel: 'not-a-channel-but-a-long-name-'.repeat(8), id: 'x'.repeat(128), data: 'y'.repeat(4000) });
  await until('the failures', async () => await nFailures() === 3);
  const page = await openPage(open, { viewport: { width: 360, height: 740 }, colorScheme: 'light' });
  await page.waitForSelector('details.failure');
  await page.locator('details.failure summary').first().click();
  check('it fits a screen of 360 pixels', await fitsWidth(page));
  check('a payload that was cut says so',
    /4\d\d\d bytes/.test(await page.locator('details.failure[open] pre').first().textContent()));
  const light = await background(page);
  await shoot(page, 'narrow');
  await page.emulateMedia({ colorScheme: 'dark' });
  check('it is dark where that is wanted', await background(page) !== light);
  await shoot(page, 'narrow-dark');
  await closePage(page, 'narrow');
}

async function checkLoss(page) {
  await stop(open.child);
  await page.waitForSelector('#trouble:visible');
  check('it says when pusherd does not answer', /No answer/.test(await page.textContent('#trouble')));
}

async function run() {
  await checkServer();
  await fake.setRules([{ action: { delay_ms: 20 } }]);
  const page = await openPage(open, { colorScheme: 'dark' });
  await checkCharts(page);
  await addFailures();
  await checkFailures(page);
  await shoot(page, 'wide-dark');
  await checkReadOnly();
  await checkToken(page);
  await checkPause(page);
  await checkReplay(page);
  await checkAll(page);
  await checkLargeFailures();
  await checkGap();
  check('the page had no trouble', page.trouble.length === 0, page.trouble.join('; '));
  await checkKeyboard();
  await checkLooks();
  await page.emulateMedia({ colorScheme: 'light' });
  await shoot(page, 'wide-light');
  await checkLoss(page);
}

try {
  await run();
} catch (error) {
  check('no step failed', false, error.stack);
}
await browser.close();
await stop(locked.child);
for (const name of ['open', 'locked']) {
  check(`${name} ended well`, !/Sanitizer|runtime error/.test(log(name)), log(name).slice(-2000));
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

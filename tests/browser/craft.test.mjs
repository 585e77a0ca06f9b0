// What holds for every view: no violations of WCAG 2.2 AA, nothing that scrolls sideways, everything by keyboard, no
// request elsewhere, and a thread for the page that is not held up.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const onPage = suite();
/** A small model and a recipe that is done at once. */
const QUICK = '?v=1&m=everyday-60&r=fp16';

/** Opens each thing in turn and says its name. Dialogs close again. */
async function* everything(page) {
  const place = async (name) => {
    await page.evaluate((name) => { location.hash = `#${name}`; }, name);
    await page.locator('h1').first().waitFor({ state: 'attached' });
  };
  await place('start');
  yield 'start';
  await place('live');
  await bothPredict(page);
  yield 'live';
  await place('layers');
  await page.locator('[data-testid="layer-detail"][data-ready="true"]').waitFor();
  yield 'layers';
  await place('experiments');
  await page.getByTestId('history').waitFor();
  yield 'experiments';
  await place('class');
  await page.getByTestId('codes').fill('no code');
  await page.getByTestId('codes-add').click();
  await page.getByTestId('codes-wrong').waitFor();
  yield 'class';
  await place('course/2/2');
  await page.locator('[data-testid="step"][data-value="l2.2"]').waitFor();
  yield 'course';
  await page.keyboard.press('?');
  await page.getByTestId('keys').waitFor();
  yield 'keys';
  await page.keyboard.press('Escape');
  await page.getByTestId('share-link').click();
  await page.getByTestId('result-code').waitFor();
  yield 'share';
  await page.keyboard.press('Escape');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('p');
  await page.getByTestId('projector').waitFor();
  yield 'projector';
  await page.keyboard.press('Escape');
}

async function violations(page) {
  const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: 'tag', values } }), RULES);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' ')}`);
}

for (const locale of ['en-GB', 'de-DE']) {
  test(`every view and dialog, light and dark, has no violations and scrolls sideways at no width (${locale})`, onPage({ locale, reducedMotion: 'reduce', path: `/#live${QUICK}` }, async (page) => {
    // The policy of the page allows no script but its own; the driver's way in is not the page's.
    await page.evaluate(AXE);
    for await (const name of everything(page)) {
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}`);
      }
      for (const [width, height] of [[360, 760], [768, 1024], [1920, 1080], [1280, 800]]) {
        await page.setViewportSize({ width, height });
        const [inside, outside] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(inside <= outside, `${name} is ${inside} px wide on a screen of ${outside} px`);
      }
    }
  }));
}

test('the head keeps all its buttons on screen beside the name of a model that is long', onPage({ path: `/#live${QUICK}` }, async (page) => {
  await bothPredict(page);
  await page.locator('.model-chip b').evaluate((name) => { name.textContent = 'a-model-with-a-name-as-long-as-files-have-it'; });
  for (const width of [1280, 1121, 1920]) {
    await page.setViewportSize({ width, height: 800 });
    for (const id of ['share-link', 'open-keys', 'theme']) {
      const { x, width: wide } = await page.getByTestId(id).boundingBox();
      assert.ok(x + wide <= width, `${id} ends at ${x + wide} on a screen of ${width} px`);
    }
  }
}));

test('what finds violations finds one', onPage({ path: '/#live' }, async (page) => {
  await page.getByTestId('source').waitFor();
  await page.evaluate(AXE);
  await page.evaluate(() => document.querySelector('main').append(document.createElement('button')));
  assert.ok((await violations(page)).some((found) => found.startsWith('button-name')));
}));

test('the main flow by keyboard alone', onPage({ path: '/#start?v=1&m=everyday-60&r=fp16' }, async (page) => {
  /** Tabs until the element with this handle has the focus, as a person would. */
  const tabTo = async (id) => {
    for (let count = 0; count < 120; count++) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(() => {
        const { activeElement: element } = document;
        const style = getComputedStyle(element);
        const ring = element.matches(':focus-visible') && (style.outlineStyle !== 'none' || element.closest('label, .pick, .field'));
        return { id: element.dataset.testid ?? element.dataset.value, ring: Boolean(ring) };
      });
      if (found.id === id) {
        assert.ok(found.ring, `${id} shows no focus`);
        return;
      }
    }
    assert.fail(`${id} is not reached by Tab`);
  };
  await page.getByTestId('use-pictures').first().waitFor();
  await page.locator('[data-testid="use-pictures"]:enabled').first().waitFor();
  await tabTo('use-pictures');
  await page.keyboard.press('Enter');
  await bothPredict(page);
  const before = await numberWhen(page, 'bytes-compressed', 'bytes', (bytes) => bytes > 0);
  await tabTo('fp16');
  await page.keyboard.press('ArrowLeft');
  await numberWhen(page, 'bytes-compressed', `other than ${before}`, (bytes) => bytes > 0 && bytes !== before);
  await page.keyboard.press(' ');
  await page.keyboard.press('e');
  await page.getByTestId('history').waitFor();
  await tabTo('share-link');
  await page.keyboard.press('Enter');
  await tabTo('share-url');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'share-link', 'the focus comes back');
}));

test('no request leaves the origin during a whole session, and none carries anything away', onPage({ path: `/#live${QUICK}`, serviceWorkers: 'allow' }, async (page, server) => {
  const elsewhere = [];
  const sent = [];
  page.context().on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!['blob:', 'data:'].includes(protocol) && origin !== server.url) elsewhere.push(request.url());
    if (request.method() !== 'GET' || request.postData()) sent.push(`${request.method()} ${request.url()}`);
  });
  page.on('websocket', (socket) => elsewhere.push(socket.url()));
  for await (const name of everything(page)) assert.deepEqual(elsewhere, [], name);
  assert.deepEqual(sent, []);
  const policy = await page.evaluate(async () => (await fetch('./', { method: 'HEAD' })).headers.get('content-security-policy'));
  assert.match(policy, /default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
}));

/** Tasks of the pages' own threads in a trace, milliseconds: by the clock, and of the processor's time. */
function pageTasks(trace) {
  const { traceEvents } = JSON.parse(trace);
  const threads = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isPage = ({ pid, tid }) => threads.some((thread) => thread.pid === pid && thread.tid === tid);
  const tasks = traceEvents.filter((event) => event.name === 'RunTask' && event.tdur !== undefined && isPage(event));
  return tasks.map(({ dur, tdur }) => ({ clock: dur / 1000, processor: tdur / 1000 }));
}

test('while both models run, no task of the page works longer than 50 ms', onPage({ path: `/#live${QUICK}` }, async (page, _, t) => {
  await bothPredict(page);
  await numberWhen(page, 'agreement', 'a share');
  const browser = page.context().browser();
  const traced = async (work) => {
    await browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'] });
    await work();
    return pageTasks(await browser.stopTracing());
  };
  const long = await page.evaluateHandle(() => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ entryTypes: ['longtask'] });
    return tasks;
  });
  const tasks = await traced(() => page.waitForTimeout(5000));
  // Judged by the processor's time of each task. The browser's own "long task" goes by the clock, in which a thread
  // also waits for other programs: on a machine with nothing else to do the two are the same.
  const longest = (of) => Math.max(...tasks.map((task) => task[of]));
  const observed = await long.evaluate((tasks) => tasks.length);
  t.diagnostic(`${tasks.length} tasks; the longest worked ${longest('processor').toFixed(1)} ms and took ${longest('clock').toFixed(1)} ms by the clock; ${observed} were long by the clock`);
  assert.ok(tasks.length > 100, 'the page works');
  assert.ok(longest('processor') <= 50, `a task worked for ${longest('processor')} ms`);

  const slow = await traced(() => page.evaluate(() => { const end = performance.now() + 400; while (performance.now() < end); }));
  assert.ok(Math.max(...slow.map(({ processor }) => processor)) > 50, 'what finds long tasks finds one');
}));

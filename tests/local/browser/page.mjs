// Plays the page of `cargo dev` as a newcomer would: four stories by their buttons, a lever, the journal, a call out of the
// reference. Nothing may be asked of an origin that is not on this machine, axe may find nothing serious, and a phone may not
// have to scroll sideways. Started by ./run.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { launch, root, say, stack } from './rig.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = new URL('target/browser/', root);
mkdirSync(shots, { recursive: true });

const here = [stack.pageUrl, stack.pageUrl.replace('127.0.0.1', 'localhost'), stack.apiUrl, stack.sandboxUrl];
const elsewhere = new Set();
const failures = [];

/** The page in a browser of its own, watched. */
async function open(browser, address, viewport) {
  const context = await browser.newContext({ viewport });
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !here.includes(url.origin)) elsewhere.add(url.origin);
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(address);
  await page.locator('body[data-ready]').waitFor();
  return page;
}

/** A story, by its buttons. Tells how often was clicked, and how long it took. */
class Story {
  constructor(page, id) {
    Object.assign(this, { page, view: page.locator(`#story-${id}`), clicks: 0, started: Date.now() });
  }

  async click(locator) {
    await locator.click();
    this.clicks += 1;
  }

  async press(button) {
    await this.click(this.view.getByRole('button', { name: button }));
  }

  /** What a step says in the end. */
  async outcome(button, text) {
    const step = this.view.locator('li').filter({ has: this.page.getByRole('button', { name: button }) });
    await step.and(this.page.locator('.done, .failed')).waitFor({ timeout: 90_000 });
    const said = await step.locator('.said').innerText();
    assert.match(said, text, `${button}: ${said}`);
    return said;
  }

  async step(button, text) {
    await this.press(button);
    return this.outcome(button, text);
  }

  told(what) {
    say(`  ${what}: ${this.clicks} clicks, ${((Date.now() - this.started) / 1000).toFixed(1)} s`);
  }
}

async function leadArrives(page, account, consent) {
  const story = new Story(page, 'lead');
  await story.press('取授权链接');
  const opened = page.waitForEvent('popup');
  await story.click(story.view.getByRole('link', { name: '打开抖音授权页' }));
  const window = await opened;
  await story.click(window.locator(`input[name=account][value="${account}"]`));
  await story.click(window.getByRole('button', { name: '同意' }));
  await story.outcome('取授权链接', consent);
  await story.step('看第一次同步', /已完成：读到 \d+ 位粉丝/);
  await story.step('来一位新粉丝', /新增 1 条线索/);
  const list = await story.step('查询线索', /共 \d+ 条线索/);
  assert.match(list, /抖音获客/);
  story.told('a lead arrives');
}

async function postIsConfirmed(page) {
  const story = new Story(page, 'post');
  await story.step('连接成员', /张三（演示）（ACTIVE）/);
  await story.step('发布朋友圈', /确认/);
  await story.step('成员点「发表」', /发布成功：张三（演示） 于 .* 发布，朋友圈编号 mom/);
  story.told('a post is confirmed');
}

async function failureIsExplained(page) {
  const story = new Story(page, 'failure');
  await story.step('连接手机', /风险/);
  await story.step('离线后发布', /失败（WECHAT_API_ERROR）：.*离线/);
  story.told('a failure is explained');
  await story.step('恢复并重试', /重试成功：朋友圈编号 \d+/);
}

async function webhookIsTold(page) {
  const story = new Story(page, 'webhook');
  await story.step('创建 Webhook', /已创建：wh_/);
  await story.step('发送测试', /已送达：接收方回答 204/);
  const list = await story.step('看收到的请求', /共收到 \d+ 次请求/);
  assert.match(list, /webhook\.test\s+\S+\s+正确\s+204/);
  story.told('a webhook is told');
}

async function signIn(page, user) {
  await page.locator('#who').click();
  await page.getByLabel('用户编号').fill(String(user));
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await page.locator('#who', { hasText: `（${user}）` }).waitFor();
}

async function leverMoves(page) {
  await page.getByRole('tab', { name: '平台开关' }).click();
  const lever = page.locator('form.lever').filter({ has: page.getByRole('button', { name: '手机离线' }) });
  await lever.locator('select').selectOption('phone-1');
  await lever.getByRole('button').click();
  await lever.getByText('已离线，并已通知。').waitFor();
  await page.getByRole('tab', { name: '平台日志' }).click();
  for (const endpoint of ['fans/list', 'externalcontact/add_moment_task', 'sns/sendTextSns']) {
    await page.locator('#journal td', { hasText: endpoint }).first().waitFor();
  }
  say('  a lever moves the platforms, and the journal has what they saw');
}

const referenceOf = async (page) => {
  const frame = page.frames().find((one) => new URL(one.url()).pathname === '/reference.html');
  assert(frame, 'the reference is not shown');
  // On a phone it is behind its tab, and there all the same.
  await frame.locator('h1', { hasText: '存客宝获客后端' }).first().waitFor({ state: 'attached', timeout: 30_000 });
  return frame;
};

async function referenceCalls(page) {
  const frame = await referenceOf(page);
  const path = '/api/v1/lead/douyin/accounts';
  await frame.evaluate((there) => (location.hash = there), `#tag/${encodeURIComponent('抖音授权')}/GET${path}`);
  await frame.getByRole('button', { name: `(get ${path})` }).click();
  const answered = page.waitForResponse((answer) => answer.url() === stack.apiUrl + path && answer.request().method() === 'GET');
  await frame.getByRole('button', { name: '发送请求' }).click();
  const answer = await answered;
  assert.equal(answer.status(), 200);
  assert.equal((await answer.json()).data.length, 1, 'the account that was authorised is told');
  await page.screenshot({ path: new URL('1280-call.png', shots).pathname });
  await page.keyboard.press('Escape');
  // It fades out, and what is half transparent would be looked at, and measured for its contrast.
  await frame.getByRole('dialog').waitFor({ state: 'hidden' });
  say('  the reference calls the API with the token of the page');
}

/** Nothing serious or critical, in the page and in the reference. */
async function isAccessible(page, what) {
  for (const frame of page.frames()) {
    await frame.evaluate(axe);
    const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false, resultTypes: ['violations'] }));
    const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' ')}`);
    assert.deepEqual(told, [], `${what}, ${new URL(frame.url()).pathname}`);
  }
}

async function fits(page, what) {
  for (const frame of page.frames()) {
    const wider = await frame.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(wider <= 0, `${what} is ${wider} px wider than the screen`);
  }
}

async function lookAt(page, width, tabs) {
  await referenceOf(page);
  for (const tab of tabs) {
    await page.getByRole('tab', { name: tab }).click();
    await page.screenshot({ path: new URL(`${width}-${tabs.indexOf(tab) + 1}.png`, shots).pathname });
    await isAccessible(page, tab);
    await fits(page, tab);
  }
}

// An account that story.mjs, which plays before, has not authorised.
const added = await fetch(`${stack.sandboxUrl}/_sandbox/douyin/accounts`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ name: 'fans-8', fans: 8 }),
});
assert(added.ok, await added.text());

const browser = await launch();
try {
  const desk = await open(browser, `${stack.pageUrl}/`, { width: 1280, height: 800 });
  say('the page, on the API\'s site');
  await leadArrives(desk, 'fans-37', /授权成功：浏览器带回了/);
  await postIsConfirmed(desk);
  await failureIsExplained(desk);
  await webhookIsTold(desk);
  await leverMoves(desk);
  await referenceCalls(desk);
  await lookAt(desk, 1280, ['三分钟演示', '平台开关', '平台日志']);

  const phone = await open(browser, `${stack.pageUrl.replace('127.0.0.1', 'localhost')}/`, { width: 390, height: 844 });
  say('the page on a phone, on another site than the API');
  await signIn(phone, 4302);
  await leadArrives(phone, 'fans-8', /由登录用户确认了一次/);
  await lookAt(phone, 390, ['三分钟演示', '平台开关', '平台日志', '接口文档']);

  assert.deepEqual([...elsewhere], [], 'other origins were asked');
  assert.deepEqual(failures, [], 'scripts of the page failed');
} finally {
  await browser.close();
}

// A webhook is told: made at a receiver of the sandbox, tested, and what arrived there.
import { call, Refusal, steer, steered, until } from './api.js';
import { clock, h } from './dom.js';
import { session } from './session.js';

const BASE = '/api/v1/webhooks';

const good = (made) => {
  if (made.status >= 400 || made.status === 0) throw new Refusal(made);
  return made.answer.data;
};

async function make({ state, show, say }) {
  state.receiver = `page-${session().userId}`;
  const knows = (secrets) => steered('PUT', `inbox/receivers/${state.receiver}/secrets`, { secrets });
  const { url } = await knows([]);
  const earlier = good(show(await call('GET', BASE))).find((webhook) => webhook.url === url);
  // One that is there already gets another secret, because its first one is not shown again.
  const made = earlier
    ? await call('PATCH', `${BASE}/${earlier.webhookId}`, { body: { status: 'ACTIVE', rotateSecret: true } })
    : await call('POST', BASE, { body: { url } });
  const webhook = good(show(made));
  await knows([webhook.secret]);
  state.webhookId = webhook.webhookId;
  say(h('strong', {}, earlier ? '已更换密钥' : '已创建'), `：${webhook.webhookId}，订阅 ${webhook.types.length} 种事件；密钥只显示这一次，已交给接收方。`);
}

async function test({ state, show, say }) {
  const { deliveryId } = good(show(await call('POST', `${BASE}/${state.webhookId}/test`)));
  const { delivery, attempt } = await until('一次发送', async () => {
    const log = good(show(await call('GET', `${BASE}/${state.webhookId}/deliveries`), true));
    const delivery = log.records.find((record) => record.deliveryId === deliveryId);
    const attempt = delivery?.attempts.at(-1);
    return attempt && { delivery, attempt };
  });
  if (delivery.status === 'DELIVERED') say(h('strong', {}, '已送达'), `：接收方回答 ${attempt.status}，用了 ${attempt.milliseconds} 毫秒。`);
  else if (delivery.nextAttemptAt) say(`没有送达（${attempt.error}），将在 ${clock(delivery.nextAttemptAt)} 重试。`);
  else say(`没有送达（${attempt.error}），不再重试。`);
}

const typeOf = (body) => {
  try {
    return JSON.parse(body).type;
  } catch {
    return '不是 JSON';
  }
};

async function arrived({ state, show, say, add }) {
  const { answer: arrivals } = show(await steer('GET', `inbox/receivers/${state.receiver}/arrivals`));
  const ids = new Set(arrivals.map(({ headers }) => headers['webhook-id']));
  say(`接收方共收到 ${arrivals.length} 次请求，按 webhook-id 去重后 ${ids.size} 条，最新的在前：`);
  const rows = arrivals.toReversed().slice(0, 20).map(({ at, headers, body, problem, answered }) =>
    h('tr', {}, ...[clock(at), typeOf(body), headers['webhook-id'] ?? '无', problem ? '错误' : '正确', answered ?? '无'].map((text) => h('td', {}, String(text)))),
  );
  const heads = ['时间', '类型', 'webhook-id', '签名', '回答'].map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
  add(h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': '收到的请求' }, table));
}

export const webhook = {
  id: 'webhook',
  title: '一个事件怎样通知您的程序',
  about: '在模拟的接收方创建 Webhook；之后做别的演示，它会收到事件。接收方的表现可在「平台开关」里改变。',
  steps: [
    { about: '为当前用户创建 Webhook，把密钥交给接收方。', button: '创建 Webhook', run: make },
    { about: '发送一次测试，看发送记录。', button: '发送测试', run: test },
    { about: '看接收方收到了什么，签名是否正确。', button: '看收到的请求', run: arrived },
  ],
};

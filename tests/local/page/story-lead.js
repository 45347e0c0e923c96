// A lead arrives: link, consent, sync, list.
import { call, Refusal, steered, until } from './api.js';
import { clock, h } from './dom.js';
import { channel } from './session.js';

const BASE = '/api/v1/lead/douyin';

/** How long a person may take on the consent page. */
const CONSENT = 10 * 60_000;

const good = (made) => {
  if (made.status >= 400 || made.status === 0) throw new Refusal(made);
  return made.answer.data;
};

/** What the window that Douyin sent back tells. */
const returned = () =>
  new Promise((tell, fail) => {
    const timer = setTimeout(() => {
      channel.removeEventListener('message', listen);
      fail(new Error('授权链接已过期，请重新取一个。'));
    }, CONSENT);
    const listen = ({ data }) => {
      if (data.kind !== 'returned') return;
      clearTimeout(timer);
      channel.removeEventListener('message', listen);
      tell(data);
    };
    channel.addEventListener('message', listen);
  });

async function authorise({ state, show, say }) {
  const back = new URL('returned.html', location.href).href;
  const link = good(show(await call('GET', `${BASE}/auth/url?redirectUrl=${encodeURIComponent(back)}`)));
  const comesBack = returned();
  say(h('a', { href: link.authUrl, target: '_blank', rel: 'opener', class: 'button' }, '打开抖音授权页'), ' 选一个有粉丝的账号，点「同意」。');
  const told = await comesBack;
  if (told.status === 'confirm') {
    const confirmed = good(show(await call('POST', `${BASE}/auth/confirm`, { body: { ticket: told.ticket } })));
    state.douyinUserId = confirmed.douyinUserId;
    say(`${confirmed.message}：浏览器没有带回 cookie，所以由登录用户确认了一次。`);
  } else if (told.status === 'success') {
    state.douyinUserId = told.douyinUserId;
    say('授权成功：浏览器带回了取链接时得到的 cookie，不需要再确认。');
  } else {
    throw new Error(`没有授权：${told.error ?? '原因不明'}。请重新取链接。`);
  }
}

async function followSync({ show }, taskId) {
  return until('同步结束', async () => {
    const task = good(show(await call('GET', `${BASE}/fans/sync/${taskId}`), true));
    if (task.status === 'FAILED' || task.status === 'CANCELLED') throw new Error(task.error?.message ?? `同步${task.status}`);
    return task.status === 'COMPLETED' && task;
  });
}

async function firstSync(stage) {
  const { state, show, say } = stage;
  // The list is read from an index, which may be a moment behind.
  await until('账号出现在列表里', async () => {
    const accounts = good(show(await call('GET', `${BASE}/accounts`), true));
    return accounts.find(({ douyinUserId }) => douyinUserId === state.douyinUserId);
  });
  const path = `${BASE}/fans/sync?douyinUserId=${encodeURIComponent(state.douyinUserId)}`;
  const { taskId } = await until('同步任务', async () => good(show(await call('GET', path), true)).records[0]);
  const task = await followSync(stage, taskId);
  say(`授权后自动开始的同步已完成：读到 ${task.seen} 位粉丝，新增 ${task.created} 条线索。`);
}

async function newFan(stage) {
  const { state, show, say } = stage;
  const accounts = await steered('GET', 'douyin/accounts');
  const account = accounts.find(({ openId }) => openId === state.douyinUserId);
  if (!account) throw new Error('模拟抖音里没有这个账号，请从第一步重新开始。');
  await steered('POST', `douyin/accounts/${account.name}/fans`, { add: 1 });
  const body = { douyinUserId: state.douyinUserId, syncStrategy: 'INCREMENTAL' };
  const { taskId } = good(show(await call('POST', `${BASE}/fans/sync`, { body })));
  const task = await followSync(stage, taskId);
  say(`抖音上多了 1 位粉丝，这次同步新增 ${task.created} 条线索。`);
}

async function list({ show, say, add }) {
  const page = good(show(await call('GET', `${BASE}/leads?page=1&size=5`)));
  say(`共 ${page.total} 条线索，最新的 ${page.records.length} 条：`);
  const rows = page.records.map((lead) =>
    h('tr', {}, h('td', {}, lead.nickname), h('td', {}, lead.channel), h('td', {}, lead.status), h('td', {}, clock(lead.acquireTime))),
  );
  const heads = ['昵称', '渠道', '状态', '获取时间'].map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
  add(h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': '线索' }, table));
}

export const lead = {
  id: 'lead',
  title: '一条线索怎样到来',
  about: '授权抖音账号，粉丝同步为线索，再查询列表。',
  steps: [
    { about: '取授权链接，并在新窗口里同意。', button: '取授权链接', run: authorise },
    { about: '授权后第一次同步自动开始，看它完成。', button: '看第一次同步', run: firstSync },
    { about: '让模拟抖音多一位粉丝，再同步一次。', button: '来一位新粉丝', run: newFan },
    { about: '像线索页那样查询，最新的在前。', button: '查询线索', run: list },
  ],
};

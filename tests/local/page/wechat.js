// What both stories of WeChat have in common: connecting accounts of the simulated platforms, posting, and following a task.
import { call, Refusal, steered, until } from './api.js';
import { session, settings } from './session.js';

const BASE = '/api/v1/workbench/wechat';

const good = (made) => {
  if (made.status >= 400 || made.status === 0) throw new Refusal(made);
  return made.answer.data;
};

/** A company of the simulated WeCom that belongs to the signed-in user, and its member. */
export const MEMBER = 'zhangsan';

export async function connectMember({ state, show }) {
  state.corp = `demo-${session().userId}`;
  const corps = await steered('GET', 'wecom/corps');
  const spec = { name: state.corp, apps: [{ agentId: 1000002 }], members: [{ userid: MEMBER, name: '张三（演示）' }] };
  const corp = corps.find(({ name }) => name === state.corp) ?? (await steered('POST', 'wecom/corps', spec));
  const [{ agentId, secret }] = corp.apps;
  const body = { accountType: 'WEWORK', corpId: corp.corpId, agentId, secret, memberIds: [MEMBER] };
  const connected = good(show(await call('POST', `${BASE}/accounts`, { body })));
  [state.account] = connected.accounts;
  return state.account;
}

export async function connectPhone({ state, show }) {
  state.phone = `demo-${session().userId}`;
  const gateway = await steered('GET', 'gewe/account');
  const device = gateway.devices.find(({ name }) => name === state.phone) ?? (await steered('POST', 'gewe/devices', { name: state.phone }));
  await setPhone(state.phone, 'online');
  const body = { accountType: 'PERSONAL', appId: device.appId, gatewayToken: gateway.token, acceptRisk: true };
  const connected = good(show(await call('POST', `${BASE}/accounts`, { body })));
  [state.account] = connected.accounts;
  return { account: state.account, riskNotice: connected.riskNotice };
}

export const setPhone = (name, state) => steered('POST', `gewe/devices/${name}`, { state });

/** Orders a post to the account of the story. Its text is told apart by its time, so that it is not taken for a repetition. */
export async function order({ state, show }, text, mediaUrls = []) {
  const body = { text: `${text}（${new Date().toLocaleString('zh-CN')}）`, mediaUrls, accountIds: [state.account.accountId] };
  const headers = { 'Idempotency-Key': crypto.randomUUID() };
  const task = good(show(await call('POST', `${BASE}/moments/sync`, { body, headers })));
  state.taskId = task.syncTaskId;
}

export const picture = () => `${settings.sandboxUrl}/media/page.jpg?width=800`;

/** Follows the task until its one account is as `wanted` says. */
export async function follow({ state, show }, what, wanted) {
  return until(what, async () => {
    const task = good(show(await call('GET', `${BASE}/moments/tasks/${state.taskId}`), true));
    const [result] = task.results;
    const isOver = ['SUCCESS', 'FAILED', 'CANCELLED'].includes(result.status);
    if (wanted(result)) return result;
    if (isOver) throw new Error(`没有等到${what}：${result.status} ${result.errorMessage ?? ''}`);
    return null;
  });
}

export const retry = async ({ state, show }) => good(show(await call('POST', `${BASE}/moments/tasks/${state.taskId}/retry`)));

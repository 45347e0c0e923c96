// Plays the stories against a running `cargo dev` with the client: authorise, sync, list and edit leads; make a webhook and verify what
// it is sent; connect a phone, publish to it, follow the task. Started by client/run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { cunkebao, type FailureCode, type Schemas } from '../src/index.ts';

const root = process.argv[2];
assert(root, 'the checkout is the first argument');
const stack = JSON.parse(readFileSync(`${root}/target/local/stack.json`, 'utf8')) as { apiUrl: string; sandboxUrl: string };

const started = Date.now();
const say = (text: string) => console.log(`[+${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);

// A token as the product signs it for its users.
const USER = '4201';
const token = execFileSync(`${root}/target/debug/local`, ['token', '--user', USER, '--permissions', 'lead:douyin:*,webhook:manage,workbench:wechat:*'])
  .toString()
  .trim();
const api = cunkebao({ baseUrl: stack.apiUrl, token: () => token });

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 120; tries++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((next) => setTimeout(next, 500));
  }
  return assert.fail(`${what}: not within a minute`);
}

async function leads(): Promise<void> {
  const link = await api.GET('/api/v1/lead/douyin/auth/url');
  assert(link.data, JSON.stringify(link.error));
  // What a browser does: it keeps our cookie, and Douyin's page sends it back to us.
  const cookie = link.response.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  const consent = new URL(link.data.data.authUrl);
  const accounts = (await (await fetch(`${stack.sandboxUrl}/_sandbox/douyin/accounts`)).json()) as { name: string; fans: number }[];
  const followed = accounts.find(({ fans }) => fans > 0);
  assert(followed, 'the sandbox has no account with fans');
  consent.searchParams.set('account', followed.name);
  consent.searchParams.set('decision', 'approve');
  const sentBack = await fetch(consent, { redirect: 'manual' });
  const back = await fetch(sentBack.headers.get('location') ?? '', { headers: { cookie } });
  const authorized = (await back.json()) as { data: Schemas['Authorized'] };
  assert.equal(authorized.data.message, '授权成功');
  say(`authorised ${authorized.data.douyinUserId}`);

  const account = await until('the account', async () => (await api.GET('/api/v1/lead/douyin/accounts')).data?.data[0]);
  const { douyinUserId } = account;
  const begun = await api.POST('/api/v1/lead/douyin/fans/sync', { body: { douyinUserId, syncStrategy: 'INCREMENTAL' } });
  assert(begun.data, JSON.stringify(begun.error));
  const { taskId } = begun.data.data;
  const ended = await until('the sync', async () => {
    const progress = await api.GET('/api/v1/lead/douyin/fans/sync/{taskId}', { params: { path: { taskId } } });
    return progress.data?.data.status === 'COMPLETED' ? progress.data.data : undefined;
  });
  say(`synced ${ended.seen} fans in ${ended.pages} pages`);

  const list = await api.GET('/api/v1/lead/douyin/leads', { params: { query: { status: 'NEW', size: 5 } } });
  assert(list.data, JSON.stringify(list.error));
  const lead = list.data.data.records[0];
  assert(lead, 'no lead');
  const path = { leadId: lead.leadId };
  const edited = await api.PATCH('/api/v1/lead/douyin/leads/{leadId}', { params: { path }, body: { status: 'CONTACTED', notes: '已加微信' } });
  assert.equal(edited.data?.data.status, 'CONTACTED', JSON.stringify(edited.error));
  say(`${list.data.data.total} leads; ${edited.data.data.nickname} is ${edited.data.data.status}`);

  const version = edited.data.data.version - 1;
  const refused = await api.PATCH('/api/v1/lead/douyin/leads/{leadId}', { params: { path }, body: { status: 'CONVERTED', version } });
  assert(refused.error, 'an old version was accepted');
  const code: FailureCode<'douyin-lead-update'> = refused.error.error.type;
  switch (code) {
    case 'CONFLICT':
      say(`an old version is refused: ${refused.error.message}。${refused.error.error.reason}`);
      break;
    case 'INVALID_REQUEST':
    case 'LEAD_ERASED':
    case 'NOT_FOUND':
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
    case 'INTERNAL':
      assert.fail(code);
      break;
    default:
      // Does not compile while a code of the operation is not thought of.
      code satisfies never;
  }
  // @ts-expect-error a code that this operation cannot fail with is not comparable to those it can
  assert.notEqual(code === 'WECHAT_API_ERROR', true);
}

/** A receiver of the sandbox, which takes everything: what has come is verified here, by the library that receivers use. */
async function webhooks(): Promise<void> {
  const receiver = `${stack.sandboxUrl}/_sandbox/inbox/receivers/client-${started}`;
  const conduct = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"kind":"status","status":200}' };
  const { url } = (await (await fetch(`${receiver}/conduct`, conduct)).json()) as { url: string };
  const made = await api.POST('/api/v1/webhooks', { body: { url, types: ['lead.status_changed'] } });
  assert(made.data, JSON.stringify(made.error));
  const { webhookId, secret } = made.data.data;
  assert(secret, 'a new webhook has a secret');
  const path = { webhookId };
  const test = await api.POST('/api/v1/webhooks/{webhookId}/test', { params: { path } });
  assert(test.data, JSON.stringify(test.error));
  const { deliveryId, eventId } = test.data.data;
  await until('the test', async () => {
    const log = await api.GET('/api/v1/webhooks/{webhookId}/deliveries', { params: { path } });
    return log.data?.data.records.find((delivery) => delivery.deliveryId === deliveryId && delivery.status === 'DELIVERED');
  });
  const arrivals = (await (await fetch(`${receiver}/arrivals`)).json()) as { headers: Record<string, string>; body: string }[];
  // The edit of before may be told too, if it was numbered only after the webhook was made.
  const events = arrivals.map(({ headers, body }) => new Webhook(secret).verify(body, headers) as { id: string; type: string });
  assert.deepEqual(events.filter(({ id }) => id === eventId).map(({ type }) => type), ['webhook.test']);

  const paused = await api.PATCH('/api/v1/webhooks/{webhookId}', { params: { path }, body: { status: 'PAUSED' } });
  assert.equal(paused.data?.data.status, 'PAUSED', JSON.stringify(paused.error));
  const refused = await api.POST('/api/v1/webhooks/{webhookId}/test', { params: { path } });
  assert.equal(refused.error?.error.type, 'CONFLICT', JSON.stringify(refused.data));
  say(`a test has come to webhook ${webhookId}, signed by its secret; paused it is sent nothing`);
}

async function moments(): Promise<void> {
  const gateway = (await (await fetch(`${stack.sandboxUrl}/_sandbox/gewe/account`)).json()) as {
    token: string;
    devices: { name: string; appId: string }[];
  };
  const device = gateway.devices.find(({ name }) => name === 'phone-1');
  assert(device, 'the sandbox has no phone-1');
  const connected = await api.POST('/api/v1/workbench/wechat/accounts', {
    body: { accountType: 'PERSONAL', appId: device.appId, gatewayToken: gateway.token, acceptRisk: true },
  });
  const account = connected.data?.data.accounts[0];
  assert(account, JSON.stringify(connected.error));
  say(`connected ${account.accountName}`);

  const header = { 'Idempotency-Key': `story-${started}` };
  const post = { text: '新品上架，到店有礼', mediaUrls: [`${stack.sandboxUrl}/media/1.jpg`], accountIds: [account.accountId] };
  const checked = await api.POST('/api/v1/workbench/wechat/moments/validate', { body: post });
  assert.deepEqual(checked.data?.data, { valid: true, problems: [] }, JSON.stringify(checked.error));
  const created = await api.POST('/api/v1/workbench/wechat/moments/sync', { params: { header }, body: post });
  assert(created.data, JSON.stringify(created.error));
  const taskId = created.data.data.syncTaskId;
  const again = await api.POST('/api/v1/workbench/wechat/moments/sync', { params: { header }, body: post });
  assert.equal(again.data?.data.syncTaskId, taskId, 'the same request under its key is the same task');
  const task = await until('the post', async () => {
    const progress = await api.GET('/api/v1/workbench/wechat/moments/tasks/{taskId}', { params: { path: { taskId } } });
    return progress.data?.data.status === 'COMPLETED' ? progress.data.data : undefined;
  });
  const [result] = task.results;
  assert.equal(result?.status, 'SUCCESS');
  assert(result.momentId, 'a success without the platform\'s id');
  say(`published to ${result.accountName} as ${result.momentId}`);
}

await leads();
await webhooks();
await moments();
say('the stories are played');

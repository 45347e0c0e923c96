// Plays what a frontend does, in real browsers, against a running `cargo dev`: sign-in, link, consent page, confirmation,
// lists, from another origin than the API's, with the CORS settings as they are deployed. Started by ./run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { launch, root, say, stack } from './rig.mjs';

const [allowedPort, otherPort] = process.env.FRONTEND_PORTS.split(',').map(Number);

// A token as the product signs it for its users.
const token = (user) =>
  execFileSync(new URL('target/debug/local', root).pathname, ['token', '--user', String(user), '--permissions', 'lead:douyin:*'])
    .toString()
    .trim();

// The frontend: one page that calls the API as a page of the product would.
const frontend = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>存客宝</title><h1>存客宝</h1><script>
  window.call = async (token, method, path, body) => {
    const headers = { Authorization: 'Bearer ' + token };
    if (body) headers['Content-Type'] = 'application/json';
    const answer = await fetch(${JSON.stringify(stack.apiUrl)} + path,
      { method, headers, credentials: 'include', body: body && JSON.stringify(body) });
    return { status: answer.status, ...(await answer.json()) };
  };
</script></html>`;
const listening = (port) =>
  new Promise((ready) => {
    const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(frontend));
    server.listen(port, '127.0.0.1', () => ready(server));
  });

const call = (page, user, method, path, body) =>
  page.evaluate(([...call]) => window.call(...call), [token(user), method, `/api/v1/lead/douyin${path}`, body]);

// Opens a link to the consent page and agrees with the account at this place of the list.
const consent = async (page, link, place) => {
  await page.goto(link);
  await page.locator('input[name=account]').nth(place).check();
  await page.getByRole('button', { name: '同意' }).click();
  await page.waitForURL(/[?#&]status=/);
  const back = new URL(page.url());
  return { query: back.searchParams, fragment: new URLSearchParams(back.hash.slice(1)) };
};

const link = async (page, user, home) => {
  const answer = await call(page, user, 'GET', `/auth/url?redirectUrl=${encodeURIComponent(home)}`);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return answer.data.authUrl;
};

const until = async (what, look) => {
  for (let tries = 0; tries < 120; tries++) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((next) => setTimeout(next, 500));
  }
  assert.fail(`${what}: not within a minute`);
};

const story = async (browser, { name, home, keepsCookie, owner, attacker, places }) => {
  say(`${name}: ${home}`);
  const open = async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(home);
    return page;
  };

  const attackers = await open();
  const owners = await open();
  const sent = await link(attackers, attacker, home);
  const { fragment } = await consent(owners, sent, places[0]);
  assert.equal(fragment.get('status'), 'confirm', 'a link of somebody else is to be confirmed');
  const refused = await call(owners, owner, 'POST', '/auth/confirm', { ticket: fragment.get('ticket') });
  assert.equal(refused.status, 403, JSON.stringify(refused));
  const stolen = await call(attackers, attacker, 'GET', '/accounts');
  assert.deepEqual(stolen.data, [], 'the attacker has an account');
  say(`  a link sent by another user binds nothing: ${refused.message}`);

  const back = await consent(owners, await link(owners, owner, home), places[1]);
  if (keepsCookie) {
    assert.equal(back.query.get('status'), 'success', 'the browser kept the cookie');
  } else {
    assert.equal(back.fragment.get('status'), 'confirm', 'the browser kept no cookie');
    const confirmed = await call(owners, owner, 'POST', '/auth/confirm', { ticket: back.fragment.get('ticket') });
    assert.equal(confirmed.status, 200, JSON.stringify(confirmed));
  }
  // An index is read, and it may be a moment behind.
  const account = await until('the account', async () => (await call(owners, owner, 'GET', '/accounts')).data[0]);
  say(`  the owner's own link binds ${account.nickname}`);
  const leads = await until('leads', async () => {
    const list = await call(owners, owner, 'GET', '/leads?page=1&size=10');
    return list.status === 200 && list.data.total > 0 && list.data;
  });
  say(`  ${leads.total} leads are there`);
};

const servers = [await listening(allowedPort), await listening(otherPort)];
const browser = await launch();
try {
  say(`Chromium ${browser.version()}`);
  const layouts = [
    { name: 'same site', home: `http://127.0.0.1:${allowedPort}/`, keepsCookie: true, owner: 4101, attacker: 4102, places: [0, 1] },
    { name: 'other site', home: `http://localhost:${allowedPort}/`, keepsCookie: false, owner: 4103, attacker: 4104, places: [2, 3] },
  ];
  for (const layout of layouts) await story(browser, layout);

  const elsewhere = await browser.newPage();
  await elsewhere.goto(`http://127.0.0.1:${otherPort}/`);
  await assert.rejects(call(elsewhere, 4101, 'GET', '/accounts'), /Failed to fetch/);
  say('a page of an origin that is not configured cannot read an answer');
} finally {
  await browser.close();
  for (const server of servers) server.close();
}

// What the simulated platforms saw, newest first, looked at every second while it is shown.
import { steered } from './api.js';
import { clock, h, pause } from './dom.js';
import { isOpen } from './tabs.js';

const PLATFORMS = { douyin: '抖音', wecom: '企业微信', gewe: '个人号网关', content: '内容库', media: '图片', 'text-check': '文本检查', inbox: '回调接收' };
const INTERVAL = 1000;

/** More than these nobody reads, and the page stays quick. */
const KEPT = 200;

export async function startJournal(panel) {
  const rows = h('tbody', {});
  const filter = h('select', {}, h('option', { value: '' }, '全部平台'), ...Object.entries(PLATFORMS).map(([value, name]) => h('option', { value }, name)));
  const heads = ['时间', '平台', '请求', '结果'].map((text) => h('th', { scope: 'col' }, text));
  const empty = h('p', { class: 'label' }, '还没有请求。运行一个演示，这里就会出现平台收到的请求。');
  const problem = h('p', { class: 'problem', role: 'status' });
  panel.append(
    h('h2', {}, '平台日志'),
    h('p', {}, '模拟平台实际收到的请求和发出的内容，每秒更新；不含令牌、密钥和昵称。'),
    h('p', {}, h('label', {}, '平台 ', filter)),
    problem,
    empty,
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': '平台日志' }, h('table', { class: 'journal' }, h('thead', {}, h('tr', {}, ...heads)), rows)),
  );
  const narrow = () => {
    for (const row of rows.children) row.hidden = Boolean(filter.value) && row.dataset.platform !== filter.value;
  };
  filter.addEventListener('change', narrow);

  let last = 0;
  for (;;) {
    if (isOpen(panel.id)) {
      try {
        const entries = await steered('GET', `journal?since=${last}`);
        problem.textContent = '';
        last = entries.at(-1)?.seq ?? last;
        rows.prepend(...entries.slice(-KEPT).reverse().map(row));
        while (rows.children.length > KEPT) rows.lastChild.remove();
        empty.hidden = rows.children.length > 0;
        narrow();
      } catch {
        problem.textContent = '读不到平台日志：cargo dev 可能已停止。';
      }
    }
    await pause(INTERVAL);
  }
}

function row(entry) {
  // The gateway and receivers of webhooks tell a status; the others a code, of which 0 is good.
  const isGood = (entry.code === 0 || (entry.code >= 200 && entry.code < 300)) && !entry.violations?.length;
  const notes = [
    entry.publication && '已发布',
    entry.account,
    entry.page && `第 ${entry.page} 页`,
    entry.note,
    entry.fault && `故障：${entry.fault}`,
    ...(entry.violations ?? []).map((violation) => `违规：${violation}`),
  ];
  return h(
    'tr',
    { 'data-platform': entry.platform },
    h('td', {}, clock(entry.at)),
    h('td', {}, PLATFORMS[entry.platform] ?? entry.platform),
    h('td', {}, h('code', {}, entry.endpoint), h('p', { class: 'label' }, notes.filter(Boolean).join('，'))),
    h('td', {}, h('span', { class: isGood ? 'status good' : 'status bad' }, entry.code === undefined ? '无' : String(entry.code))),
  );
}

// A request with its answer, to be opened and read.
import { h } from './dom.js';

/** Fields that hold what nobody should get used to reading on a screen. */
const HIDDEN = new Set(['secret', 'gatewayToken', 'ticket']);

const shown = (value) =>
  JSON.stringify(value, (name, field) => (HIDDEN.has(name) && typeof field === 'string' ? '（已隐藏）' : field), 2);

export function exchange(made) {
  const isApi = made.origin === 'api';
  const lines = [`${made.method} ${made.path}`];
  if (isApi) lines.push('Authorization: Bearer （当前令牌）');
  for (const [name, value] of Object.entries(made.headers ?? {})) lines.push(`${name}: ${value}`);
  if (made.body) lines.push('', shown(made.body));
  const isGood = made.status >= 200 && made.status < 400;
  const summary = h(
    'summary',
    {},
    h('span', { class: isApi ? 'badge api' : 'badge sandbox' }, isApi ? '接口' : '模拟平台'),
    h('code', {}, `${made.method} ${made.path.split('?')[0]}`),
    h('span', { class: isGood ? 'status good' : 'status bad' }, String(made.status || '无回答')),
    made.took === undefined ? null : h('span', { class: 'took' }, `${made.took} 毫秒`),
  );
  return h(
    'details',
    { class: 'exchange' },
    summary,
    h('p', { class: 'label' }, '请求'),
    h('pre', { tabindex: '0', 'aria-label': '请求' }, lines.join('\n')),
    h('p', { class: 'label' }, '回答'),
    h('pre', { tabindex: '0', 'aria-label': '回答' }, shown(made.answer)),
  );
}

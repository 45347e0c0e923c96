// The levers of the simulated platforms: what happens out there without us.
import { steer } from './api.js';
import { h } from './dom.js';
import { exchange } from './exchange.js';
import { GROUPS } from './lever-list.js';

export function showLevers(panel) {
  panel.append(
    h('h2', {}, '平台开关'),
    h('p', {}, '让模拟平台发生一些事，然后在「平台日志」和接口的回答里看结果。'),
    ...GROUPS.map(({ title, levers }) => h('section', { class: 'group' }, h('h3', {}, title), ...levers.map(leverView))),
  );
}

function leverView(lever) {
  const made = h('div', { class: 'made' });
  const said = h('p', { class: 'said', role: 'status' });
  const fields = (lever.fields ?? []).map(fieldView);
  const form = h(
    'form',
    { class: 'lever' },
    h('p', {}, lever.about),
    h('div', { class: 'row' }, ...fields.map(({ label }) => label), h('button', {}, lever.button)),
    said,
    made,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    made.replaceChildren();
    said.textContent = '';
    const order = lever.order(Object.fromEntries(new FormData(form)));
    const done = await steer(order.method ?? 'POST', order.path, order.body);
    made.append(exchange(done));
    said.className = done.status < 400 ? 'said' : 'said problem';
    said.textContent = done.status < 400 ? lever.done : `模拟平台没有执行：${done.answer.error}`;
    // What can be chosen may be another thing now.
    await Promise.all(fields.map(({ fill }) => fill()));
  });
  return form;
}

/** A number, or a choice of what there is at the platform, which is asked when somebody comes near it. */
function fieldView({ name, label, path, options, of, number }) {
  if (number !== undefined) {
    const input = h('input', { name, type: 'number', min: '1', max: '1000', required: true, value: String(number) });
    return { label: h('label', {}, `${label} `, input), fill: async () => {} };
  }
  const select = h('select', { name, required: true });
  const show = (choices) => {
    const chosen = select.value;
    select.replaceChildren(...choices.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
  };
  const fill = async () => {
    if (path) show(of((await steer('GET', path)).answer));
  };
  if (options) show(options);
  else {
    show([['', '（没有可选的）']]);
    select.addEventListener('focus', fill);
    fill();
  }
  return { label: h('label', {}, `${label} `, select), fill };
}

// The walk-through: four stories, each a few buttons that make real calls. A step shows what was asked and answered, and says in
// one sentence what has come of it; then the next one can be pressed.
import { h } from './dom.js';
import { exchange } from './exchange.js';
import { failure } from './story-failure.js';
import { lead } from './story-lead.js';
import { post } from './story-post.js';
import { webhook } from './story-webhook.js';

const STORIES = [lead, post, failure, webhook];

export function showTour(panel) {
  panel.append(
    h('h2', {}, '三分钟演示'),
    h('p', {}, '每个按钮都向本机的接口发出真实请求；点开一行可以看请求与回答。抖音、企业微信、个人号网关和 Webhook 的接收方都是模拟的，不会发布到真实平台。'),
    ...STORIES.map(storyView),
  );
}

function storyView(story) {
  const list = h('ol', { class: 'steps' });
  const view = h('article', { class: 'story', id: `story-${story.id}` }, h('h3', {}, story.title), h('p', {}, story.about), list);
  const begin = () => {
    const state = {};
    const steps = story.steps.map((step) => stepView(step, state));
    steps.forEach((step, place) => {
      step.next = steps[place + 1] ?? null;
      step.button.disabled = place > 0;
    });
    list.replaceChildren(...steps.map((step) => step.item));
    return steps;
  };
  begin();
  const again = h('button', { type: 'button', class: 'plain', click: () => begin()[0].button.focus() }, '重新开始');
  view.append(again);
  return view;
}

function stepView(step, state) {
  const made = h('div', { class: 'made' });
  const said = h('div', { class: 'said', role: 'status' });
  const button = h('button', { type: 'button' }, step.button);
  const item = h('li', { class: 'step' }, h('p', {}, step.about), button, made, said);
  const view = { item, button, next: null };

  const seen = new Map();
  const stage = {
    state,
    /** Shows a call. One that is made again and again stands there once, as it was last. */
    show(call, repeated = false) {
      const shown = exchange(call);
      const key = `${call.method} ${call.path}`;
      const earlier = repeated ? seen.get(key) : undefined;
      if (earlier) {
        // Somebody may be reading it.
        shown.open = earlier.open;
        earlier.replaceWith(shown);
      } else made.append(shown);
      seen.set(key, shown);
      return call;
    },
    say: (...words) => said.replaceChildren(h('p', {}, ...words)),
    add: (...elements) => said.append(...elements),
  };

  button.addEventListener('click', async () => {
    made.replaceChildren();
    said.replaceChildren();
    seen.clear();
    button.disabled = true;
    item.className = 'step running';
    item.setAttribute('aria-busy', 'true');
    try {
      await step.run(stage);
      item.className = 'step done';
      if (view.next) {
        view.next.button.disabled = false;
        view.next.button.focus({ preventScroll: true });
      }
    } catch (error) {
      item.className = 'step failed';
      stage.add(h('p', { class: 'problem' }, error.message));
      button.disabled = false;
    } finally {
      item.removeAttribute('aria-busy');
    }
  });
  return view;
}

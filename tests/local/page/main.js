// The page: who is signed in, the reference in its frame, and the panels.
import { h } from './dom.js';
import { startJournal } from './journal.js';
import { showLevers } from './levers.js';
import { session, settings, signIn, whenSignedIn } from './session.js';
import './tabs.js';
import { showTour } from './tour.js';

const form = document.getElementById('sign-in');
const problem = document.getElementById('sign-in-problem');

async function submit() {
  const fields = new FormData(form);
  const others = fields.get('others').split(/[,，\s]+/);
  problem.textContent = '';
  try {
    await signIn({
      userId: Number(fields.get('userId')),
      name: fields.get('name'),
      permissions: [...fields.getAll('permission'), ...others].filter(Boolean),
    });
  } catch (error) {
    problem.textContent = error.message;
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  await submit();
  if (!problem.textContent) document.getElementById('identity').open = false;
});

document.getElementById('copy').addEventListener('click', async ({ target }) => {
  await navigator.clipboard.writeText(session().token);
  target.textContent = '已复制';
});

whenSignedIn(({ userId, name, permissions }) => {
  const allowed = permissions.length ? `${permissions.length} 项权限` : '没有权限';
  document.getElementById('who').textContent = `${name}（${userId}）· ${allowed} · 更换`;
  document.getElementById('copy').textContent = '复制令牌';
});

const reference = document.getElementById('reference');
if (settings.referenceProblem) {
  reference.append(h('p', { class: 'missing' }, settings.referenceProblem));
} else {
  reference.append(h('iframe', { src: 'reference.html', title: '接口文档' }));
}

showTour(document.getElementById('tour'));
showLevers(document.getElementById('levers'));
startJournal(document.getElementById('journal'));
await submit();
document.body.dataset.ready = 'true';

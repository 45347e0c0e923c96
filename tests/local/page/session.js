// Who is signed in. The token stays in this page's memory; the reference in its frame and the page that Douyin sends the user
// back to hear of it, and tell, by a channel of this origin.

export const channel = new BroadcastChannel('cunkebao');

export const settings = await (await fetch('settings.json')).json();

let current = null;
const listeners = new Set();

export const session = () => current;

/** Calls `listener` now, if somebody is signed in, and whenever somebody else is. */
export function whenSignedIn(listener) {
  listeners.add(listener);
  if (current) listener(current);
}

export async function signIn(holder) {
  const answer = await fetch('token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(holder),
  });
  if (!answer.ok) throw new Error('令牌没有签发成功，请检查用户编号是否为正整数。');
  current = { ...holder, ...(await answer.json()) };
  for (const listener of listeners) listener(current);
  announce();
}

function announce() {
  if (current) channel.postMessage({ kind: 'signed-in', token: current.token });
}

channel.addEventListener('message', ({ data }) => {
  if (data.kind === 'who') announce();
});

// Calls of the API, as a frontend makes them: from another origin, with the token and with cookies; and orders to the simulated
// platforms, which go through the page's own server.
import { pause } from './dom.js';
import { session, settings } from './session.js';

/** Longer than anything here takes when all is well. */
const PATIENCE = 90_000;
const INTERVAL = 700;

/** A call that was made, with what was answered. `path` begins with /api. */
export async function call(method, path, { body, headers = {} } = {}) {
  const started = performance.now();
  const sent = { Authorization: `Bearer ${session().token}`, ...headers };
  if (body) sent['Content-Type'] = 'application/json';
  let status = 0;
  let answer;
  try {
    const response = await fetch(settings.apiUrl + path, {
      method,
      headers: sent,
      credentials: 'include',
      body: body && JSON.stringify(body),
    });
    status = response.status;
    answer = await response.json();
  } catch (error) {
    answer = { message: `没有得到回答：${error.message}` };
  }
  return { origin: 'api', method, path, headers, body, status, answer, took: Math.round(performance.now() - started) };
}

/** An order to the simulated platforms. `path` is below /_sandbox/. */
export async function steer(method, path, body) {
  const response = await fetch(`sandbox/${path}`, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  return { origin: 'sandbox', method, path: `/_sandbox/${path}`, body, status: response.status, answer };
}

/** What the platforms answered, or an error with their own words. */
export async function steered(method, path, body) {
  const made = await steer(method, path, body);
  if (made.status >= 400) throw new Error(`模拟平台没有执行：${made.answer.error ?? made.status}`);
  return made.answer;
}

/** A refusal of the API as the error that a user is shown. */
export class Refusal extends Error {
  constructor({ status, answer }) {
    super([answer.message, answer.error?.reason].filter(Boolean).join('。') || `状态码 ${status}`);
  }
}

/** Looks again and again until `look` gives something. */
export async function until(what, look) {
  const started = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() - started > PATIENCE) throw new Error(`等了 ${PATIENCE / 1000} 秒仍未出现：${what}`);
    await pause(INTERVAL);
  }
}

// Where Douyin's consent ends: the page that asked for the link is told, and confirms if a confirmation is wanted.
const query = new URLSearchParams(location.search);
const fragment = new URLSearchParams(location.hash.slice(1));
const told = Object.fromEntries([...query, ...fragment]);
// The ticket is good for one use, and has no business in the history of the browser.
history.replaceState(null, '', location.pathname);
new BroadcastChannel('cunkebao').postMessage({ kind: 'returned', ...told });
window.close();

// The tabs over the panels. On a wide screen the reference is always beside them; on a narrow one it is a tab of its own.

const tabs = [...document.querySelectorAll('[role=tab]')];
const wide = matchMedia('(min-width: 1100px)');
const panelOf = (tab) => document.getElementById(tab.getAttribute('aria-controls'));
const isShown = (tab) => !(wide.matches && tab.classList.contains('narrow-only'));

let selected = tabs[0];

function show() {
  if (!isShown(selected)) selected = tabs[0];
  for (const tab of tabs) {
    const isSelected = tab === selected;
    tab.setAttribute('aria-selected', String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    tab.hidden = !isShown(tab);
    panelOf(tab).hidden = !isSelected && isShown(tab);
  }
  document.getElementById('panels').hidden = panelOf(selected).id === 'reference';
}

/** Whether a panel can be seen, so that nothing is asked for one that cannot. */
export const isOpen = (id) => !document.getElementById(id).hidden && !document.hidden;

for (const tab of tabs) {
  tab.addEventListener('click', () => {
    selected = tab;
    show();
  });
  tab.addEventListener('keydown', ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const there = tabs.filter(isShown);
    selected = there[(there.indexOf(tab) + step + there.length) % there.length];
    show();
    selected.focus();
  });
}
wide.addEventListener('change', show);
show();

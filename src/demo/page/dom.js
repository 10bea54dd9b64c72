/** Makes elements. Text goes in as text nodes only, so nothing that people or programs wrote becomes markup. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'disabled' || name === 'hidden') element[name] = value;
    else element.setAttribute(name === 'className' ? 'class' : name, value === true ? '' : String(value));
  }
  add(element, children);
  return element;
}

export function add(parent, children) {
  for (const child of children.flat(Number.POSITIVE_INFINITY)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function fill(parent, ...children) {
  parent.replaceChildren();
  add(parent, children);
}

/** Keeps the nodes of items that did not change, so that focus, selection and scrolling stay. */
export function keyed(parent, items, render) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map(({ key, data }) => {
    const text = JSON.stringify(data);
    const known = old.get(key);
    if (known && known.renderedFrom === text) return known;
    const node = render(data);
    node.dataset.key = key;
    node.renderedFrom = text;
    return node;
  });
  const wanted = new Set(nodes);
  const place = parent.contains(document.activeElement) ? placeOfFocus() : null;
  for (const node of [...parent.children]) if (!wanted.has(node)) node.remove();
  for (const [index, node] of nodes.entries()) {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  }
  if (place && !parent.contains(document.activeElement)) place.back();
}

/** Where the keyboard is: the element, and how to find what has taken its place once it is drawn anew. */
export function placeOfFocus() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const item = element.closest('[data-key]');
  const { key } = item?.dataset ?? {};
  const { focus } = element.dataset;
  const list = item?.parentElement;
  const find = () => {
    if (element.isConnected) return element;
    const now = key && [...(list?.children ?? [])].find((each) => each.dataset.key === key);
    if (!now) return focus ? document.querySelector(`[data-focus="${CSS.escape(focus)}"]`) : null;
    return (focus && now.querySelector(`[data-focus="${CSS.escape(focus)}"]`)) || now.querySelector('button') || list;
  };
  return { back: () => (find() ?? document.getElementById('main')).focus({ preventScroll: true }) };
}

const SVG = 'http://www.w3.org/2000/svg';
const PATHS = {
  hash: 'M9 4 7 20M17 4l-2 16M4 9h17M3 15h17',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  key: 'M12 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0h9v4m-4-4v3',
  check: 'm5 13 4.5 4.5L19.5 7',
  cross: 'M6 6l12 12M18 6 6 18',
  clock: 'M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0',
  stop: 'M7 12h10M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0',
  alert: 'M12 9v4.5m0 3v.2M12 3.5 2.8 20h18.4z',
  flag: 'M6 21V4h11l-2 4 2 4H6',
  back: 'M9 6 4 11l5 5M4 11h10a6 6 0 0 1 0 12',
  file: 'M7 3h7l5 5v13H7zM14 3v5h5',
  down: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  send: 'M4 12 20 4l-5 16-3.5-6.5z',
  thread: 'M4 5h16v11H9l-5 4z',
  menu: 'M4 6h16M4 12h16M4 18h16',
  chevron: 'm6 9 6 6 6-6',
  terminal: 'M4 5h16v14H4zM7 9l3 3-3 3M12 15h5',
  play: 'M7 4.5v15l12-7.5z',
  person: 'M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0M4 21a8 8 0 0 1 16 0',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12M15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0',
};

/** A line icon; decorative, so screen readers pass it over. */
export function icon(name, className = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon ${className}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name] ?? '');
  svg.append(path);
  return svg;
}

export async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const label = button.querySelector('.copy-label');
    if (!label) return;
    label.textContent = 'Copied';
    setTimeout(() => {
      label.textContent = 'Copy';
    }, 1500);
  } catch {
    toast('Your browser does not allow copying here. Select the lines and copy them by hand.');
  }
}

/** Lines for a terminal, with a button that copies them. */
export function codeLines(text) {
  const button = h('button', { type: 'button', className: 'copy', onclick: () => copyText(text, button) }, [
    icon('copy'),
    h('span', { className: 'copy-label' }, 'Copy'),
  ]);
  return h('div', { className: 'code' }, [h('pre', { tabindex: '0' }, text), button]);
}

export function toast(text) {
  const note = h('div', { className: 'toast' }, text);
  document.getElementById('toasts').append(note);
  setTimeout(() => note.remove(), 7000);
}

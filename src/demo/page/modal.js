import * as api from './api.js';
import { renderBlocks } from './blocks.js';
import { h, icon, placeOfFocus } from './dom.js';

const dialog = document.getElementById('modal');
let shown = null;
/** Where the keyboard was before the window opened. */
let opener = null;

/** Shows the person's topmost window; what they typed stays while it changes. */
export function showModal(state, names) {
  const { modal } = state;
  if (!modal) {
    if (dialog.open) {
      dialog.close();
      opener?.back();
    }
    shown = null;
    return;
  }
  const face = JSON.stringify([state.me.name, modal.id, modal.view, modal.errors, modal.notice]);
  if (shown?.face === face) return;
  const isSame = shown?.id === modal.id;
  const entered = isSame ? shown.entered : {};
  const sent = JSON.stringify(modal.errors);
  const mended = isSame && shown.sent === sent ? shown.mended : new Set();
  const focused = document.activeElement?.getAttribute('aria-label') ?? null;
  const { title, submit, close } = modal.view;
  const frame = JSON.stringify([title, submit, close, modal.errors, modal.notice]);
  const isFramed = isSame && shown.frame === frame;
  shown = { face, id: modal.id, entered, sent, mended, frame, drawn: isFramed ? shown.drawn : null };
  if (isFramed) {
    redraw(contextOf(state, names, shown), modal.view.blocks);
    return;
  }
  draw(state, names, shown);
  const isOpening = !dialog.open;
  if (isOpening) {
    opener = placeOfFocus();
    dialog.showModal();
  }
  const back = [...dialog.querySelectorAll('input, textarea')].find(
    (each) => focused !== null && each.getAttribute('aria-label') === focused,
  );
  const first = dialog.querySelector('.wrong')?.parentElement.querySelector('input, textarea');
  // Without fields the keyboard is where the browser puts it.
  const target = first ?? back ?? (isOpening ? dialog.querySelector('.modal-body input, .modal-body textarea') : null);
  if (target) target.focus({ preventScroll: target !== first });
}

/** What makes a field another one; what it began with is not part of it. */
const keyOf = (block) => JSON.stringify(block, (name, value) => (name.startsWith('initial_') ? undefined : value));

const drawnOf = (blocks, context) =>
  blocks.map((block, index) => ({ key: keyOf(block), node: renderBlocks(blocks.slice(index, index + 1), context)[0] }));

/** Blocks that are what they were stay where they are, so that an open menu stays open and the keyboard where it was. */
function redraw(context, blocks) {
  const before = shown.drawn;
  const body = before[0].node.parentElement;
  const after = blocks.map((block) => {
    const key = keyOf(block);
    return before.find((each) => each.key === key) ?? drawnOf([block], context)[0];
  });
  for (const each of before) if (!after.includes(each)) each.node.remove();
  let next = body.querySelector('.block');
  for (const { node } of after) {
    if (node === next) next = next.nextElementSibling;
    else body.insertBefore(node, next);
  }
  shown.drawn = after;
}

function contextOf(state, names, { entered, mended }) {
  const { modal, me } = state;
  return {
    ...{ state, names, values: merged(modal.values, entered) },
    errors: Object.fromEntries(Object.entries(modal.errors ?? {}).filter(([id]) => !mended.has(id))),
    mend: (id) => mended.add(id),
    enter: (block, element, entry) => {
      entered[block.block_id] = { [element.action_id]: entry };
    },
    press: (element, block, entry) =>
      api.act(me.name, 'clicks', {
        ...{ view: true, action_id: element.action_id, block_id: block.block_id, values: { ...entered } },
        ...(entry === undefined ? {} : { value: entry }),
      }),
  };
}

function draw(state, names, current) {
  const { entered, mended } = current;
  const { modal, me } = state;
  const { view } = modal;
  const send = async (button) => {
    button.disabled = true;
    button.classList.add('busy');
    dialog.setAttribute('aria-busy', 'true');
    const answer = await api.act(me.name, 'submissions', { values: entered }, true);
    // If the same mistakes are made again, show them again.
    if (!answer.ok && mended.size > 0 && shown) {
      mended.clear();
      shown.face = '';
      shown.frame = '';
      showModal(state, names);
    }
    dialog.removeAttribute('aria-busy');
    button.disabled = false;
    button.classList.remove('busy');
  };
  const leave = () => api.act(me.name, 'submissions', { close: true });
  current.drawn = drawnOf(view.blocks, contextOf(state, names, current));
  const submit = view.submit ? h('button', { type: 'submit', className: 'button primary' }, view.submit.text) : null;
  dialog.oncancel = (event) => {
    event.preventDefault();
    leave();
  };
  dialog.replaceChildren(
    h(
      'form',
      {
        method: 'dialog',
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (submit) send(submit);
        },
      },
      [
        h('header', {}, [
          h('h2', { id: 'modal-title' }, view.title.text),
          h('button', { type: 'button', className: 'bare', 'aria-label': 'Close', onclick: leave }, icon('cross')),
        ]),
        h('div', { className: 'modal-body' }, [
          modal.notice ? h('div', { className: 'notice', role: 'alert' }, [icon('alert'), modal.notice]) : null,
          current.drawn.map(({ node }) => node),
        ]),
        h('footer', {}, [
          h('button', { type: 'button', className: 'button', onclick: leave }, view.close?.text ?? 'Close'),
          submit,
        ]),
      ],
    ),
  );
}

/** The server's values, with text that was typed since. Choices are sent with each press, so the server has them. */
function merged(values, entered) {
  const all = structuredClone(values);
  for (const [blockId, entries] of Object.entries(entered)) {
    for (const [actionId, entry] of Object.entries(entries)) {
      const held = all[blockId]?.[actionId];
      if (!held) delete entered[blockId];
      else if ('value' in held) held.value = entry;
      else if ('selected_date' in held) held.selected_date = entry;
    }
  }
  return all;
}

import { h, icon } from './dom.js';
import { field } from './elements.js';
import { mrkdwn } from './mrkdwn.js';
import { richText } from './rich-text.js';

/**
 * Block Kit as nodes. `context` has the viewer's state, names, what fields hold and what is wrong with them; `press(element, block, entry)`
 * does what a button or menu does, `enter(block, element, entry)` notes what a field holds, and `mend(block id)` that it was wrong.
 */
export const renderBlocks = (blocks, context) =>
  blocks.map((block) => h('div', { className: `block ${block.type}` }, inner(block, context)));

const textNode = (text, context) =>
  text.type === 'mrkdwn' ? mrkdwn(text.text, context.names) : h('div', { className: 'text' }, text.text);

function inner(block, context) {
  switch (block.type) {
    case 'header':
      return h('h3', {}, block.text.text);
    case 'divider':
      return h('hr');
    case 'context':
      return block.elements.map((each) =>
        each.type === 'image' ? h('span', {}, each.alt_text) : textNode(each, context),
      );
    case 'rich_text':
      return richText(block.elements, context.names);
    case 'section':
      return section(block, context);
    case 'actions':
      return block.elements.map((element) => actionElement(block, element, context));
    case 'image':
      return h('div', { className: 'image' }, [icon('file'), block.alt_text]);
    case 'input':
      return inputBlock(block, context);
    default:
      return h('div', { className: 'text' }, `(a block of type ${block.type})`);
  }
}

function section(block, context) {
  const { accessory } = block;
  return [
    h('div', { className: 'section-body' }, [
      block.text ? textNode(block.text, context) : null,
      block.fields
        ? h(
            'div',
            { className: 'fields' },
            block.fields.map((each) => h('div', {}, textNode(each, context))),
          )
        : null,
    ]),
    accessory && accessory.type !== 'image'
      ? h('div', { className: 'accessory' }, actionElement(block, accessory, context))
      : null,
  ];
}

function actionElement(block, element, context) {
  if (element.type === 'button') return pressable(block, element, context);
  if (element.type === 'overflow') {
    return element.options.map((option) =>
      h(
        'button',
        { type: 'button', className: 'button', onclick: () => context.press(element, block, option.value) },
        option.text.text,
      ),
    );
  }
  return h('div', { className: 'inline-menu' }, [
    field({
      ...{ element, blockId: block.block_id, state: context.state },
      label: element.placeholder?.text ?? block.text?.text ?? 'Choose',
      held: context.values?.[block.block_id]?.[element.action_id],
      set: (entry) => context.press(element, block, entry),
    }),
  ]);
}

function pressable(block, element, context) {
  const button = h(
    'button',
    {
      type: 'button',
      className: `button ${element.style ?? ''}`,
      'aria-label': element.accessibility_label,
      'data-focus': `${block.block_id}/${element.action_id}`,
      onclick: async () => {
        // Not disabled while it works: the keyboard's place would be lost.
        if (button.getAttribute('aria-disabled') === 'true') return;
        if (element.confirm && !(await confirm(element.confirm, context))) return;
        if (element.url) follow(element.url);
        button.classList.add('busy');
        button.setAttribute('aria-disabled', 'true');
        await context.press(element, block, undefined);
        button.classList.remove('busy');
        button.removeAttribute('aria-disabled');
      },
    },
    element.text.text,
  );
  return button;
}

/** A message's own address is gone to here; any other one opens beside this page. */
function follow(url) {
  const to = new URL(url, location.href);
  const message = /^\/archives\/([A-Z0-9]+)\/p(\d+)(\d{6})$/.exec(to.pathname);
  if (to.origin === location.origin && message) {
    const [, channel, seconds, fraction] = message;
    const detail = { channel, ts: `${seconds}.${fraction}`, thread: to.searchParams.get('thread_ts') };
    document.dispatchEvent(new CustomEvent('visit-message', { detail }));
  } else if (/^https?:$/.test(to.protocol)) open(to, '_blank', 'noopener,noreferrer');
}

/** Slack's "are you sure". */
function confirm(words, context) {
  const dialog = document.getElementById('confirm');
  return new Promise((resolve) => {
    const done = (answer) => {
      dialog.close();
      resolve(answer);
    };
    dialog.replaceChildren(
      h('div', { className: 'modal-body' }, [
        h('h2', { id: 'confirm-title' }, words.title?.text ?? 'Are you sure?'),
        textNode(words.text, context),
      ]),
      h('footer', {}, [
        h('button', { type: 'button', className: 'button', onclick: () => done(false) }, words.deny?.text ?? 'Cancel'),
        h(
          'button',
          { type: 'button', className: `button ${words.style ?? 'primary'}`, onclick: () => done(true) },
          words.confirm?.text ?? 'Yes',
        ),
      ]),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}

function inputBlock(block, context) {
  const { element, block_id: id } = block;
  const wrong = context.errors?.[id];
  const said = wrong
    ? h('div', { className: 'wrong', role: 'alert', id: `wrong-${id}` }, [icon('alert'), wrong])
    : null;
  // What was wrong is not any more once the field holds something else.
  const mended = () => {
    if (!said?.isConnected) return;
    const named = said.parentElement.querySelector('[aria-invalid]');
    said.remove();
    named?.removeAttribute('aria-invalid');
    if (block.hint) named?.setAttribute('aria-describedby', `hint-${id}`);
    else named?.removeAttribute('aria-describedby');
    context.mend(id);
  };
  const about = [wrong ? `wrong-${id}` : null, block.hint ? `hint-${id}` : null].filter(Boolean).join(' ');
  const input = field({
    ...{ element, label: block.label.text, blockId: id, state: context.state },
    describe: {
      id: `field-${id}`,
      'aria-describedby': about === '' ? undefined : about,
      'aria-invalid': wrong ? 'true' : undefined,
      'aria-required': block.optional ? undefined : 'true',
    },
    held: context.values?.[id]?.[element.action_id],
    set: (entry) => {
      mended();
      context.enter(block, element, entry);
      if (block.dispatch_action && element.type.includes('select')) context.press(element, block, entry);
    },
  });
  return [
    h('label', { className: 'label', for: `field-${id}` }, [
      block.label.text,
      block.optional ? h('span', { className: 'optional' }, ' (optional)') : null,
    ]),
    input,
    said,
    block.hint ? h('div', { className: 'hint', id: `hint-${id}` }, block.hint.text) : null,
  ];
}

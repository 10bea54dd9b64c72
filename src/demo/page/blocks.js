import { h, icon } from './dom.js';
import { field } from './elements.js';
import { mrkdwn } from './mrkdwn.js';

/**
 * Block Kit as nodes. `context` has the viewer's state, names, what fields hold and what is wrong with them; `press(element, block, entry)`
 * does what a button or menu does and `enter(block, element, entry)` notes what a field holds.
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
      onclick: async () => {
        if (element.confirm && !(await confirm(element.confirm, context))) return;
        button.classList.add('busy');
        button.disabled = true;
        await context.press(element, block, undefined);
        button.classList.remove('busy');
        button.disabled = false;
      },
    },
    element.text.text,
  );
  return button;
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
  const { element } = block;
  const wrong = context.errors?.[block.block_id];
  const label = block.label.text;
  return [
    h('div', { className: 'label' }, [
      label,
      block.optional ? h('span', { className: 'optional' }, ' (optional)') : null,
    ]),
    field({
      ...{ element, label: wrong ? `${label}. ${wrong}` : label, blockId: block.block_id, state: context.state },
      held: context.values?.[block.block_id]?.[element.action_id],
      set: (entry) => {
        context.enter(block, element, entry);
        if (block.dispatch_action && element.type.includes('select')) context.press(element, block, entry);
      },
    }),
    wrong ? h('div', { className: 'wrong', role: 'alert' }, [icon('alert'), wrong]) : null,
    block.hint ? h('div', { className: 'hint' }, block.hint.text) : null,
  ];
}

import * as api from './api.js';
import { h } from './dom.js';
import { among, menu } from './menu.js';

const asOption = (option) => ({ value: option.value, label: option.text.text, note: option.description?.text, option });
const asPerson = (person) => ({ value: person.id, label: person.real_name, note: person.title });
const asChannel = (channel) => ({ value: channel.id, label: `#${channel.name}`, note: channel.kind });

/**
 * An input of a form, or a menu beside a text. `held` is what it holds in Slack's shape; `set(entry)` hears of each change with the values
 * that the persona API takes.
 */
export function field({ element, blockId, label, held, state, set, describe = {} }) {
  const text = (tag, props) => {
    const input = h(tag, {
      'aria-label': label,
      ...describe,
      placeholder: element.placeholder?.text,
      maxlength: element.max_length,
      value: held?.value ?? '',
      oninput: () => set(input.value),
      ...props,
    });
    return input;
  };
  switch (element.type) {
    case 'plain_text_input':
      return element.multiline ? text('textarea', { rows: 4 }) : text('input', { type: 'text' });
    case 'email_text_input':
      return text('input', { type: 'email' });
    case 'url_text_input':
      return text('input', { type: 'url' });
    case 'number_input':
      return text('input', { type: 'number' });
    case 'datepicker':
      return text('input', { type: 'date', value: held?.selected_date ?? '' });
    case 'timepicker':
      return text('input', { type: 'time', value: held?.selected_time ?? '' });
    case 'checkboxes':
    case 'radio_buttons':
      return ticks({ element, label, held, set, describe });
    default:
      return chooser({ element, blockId, label, held, state, set, describe });
  }
}

function ticks({ element, label, held, set, describe }) {
  const many = element.type === 'checkboxes';
  const chosen = new Set(
    (many ? held?.selected_options : [held?.selected_option].filter(Boolean))?.map((each) => each.value),
  );
  const change = (value, on) => {
    if (!many) chosen.clear();
    if (on) chosen.add(value);
    else chosen.delete(value);
    set(many ? [...chosen] : ([...chosen][0] ?? null));
  };
  return h('div', { className: 'ticks', role: many ? 'group' : 'radiogroup', 'aria-label': label, ...describe }, [
    element.options.map((option) =>
      h('label', {}, [
        h('input', {
          type: many ? 'checkbox' : 'radio',
          name: element.action_id,
          checked: chosen.has(option.value),
          onchange: (event) => change(option.value, event.target.checked),
        }),
        option.text.text,
      ]),
    ),
  ]);
}

function chooser({ element, blockId, label, held, state, set, describe }) {
  const many = element.type.startsWith('multi_');
  const options = optionsOf(element, state);
  const search = options ? among(options) : (typed) => asked(element, blockId, state, typed);
  const known = new Map((options ?? []).map((each) => [each.value, each]));
  const values = heldValues(held).map((each) =>
    typeof each === 'string' ? (known.get(each) ?? { value: each, label: each }) : asOption(each),
  );
  return menu({
    ...{ label, many, search, describe, selected: values },
    max: element.max_selected_items,
    placeholder: element.placeholder?.text ?? (many ? 'Choose or search' : 'Choose'),
    onChange: (chosen) => set(many ? chosen : (chosen[0] ?? null)),
  });
}

const heldValues = (held) => {
  const value = Object.entries(held ?? {}).find(([key]) => key.startsWith('selected_'))?.[1];
  return Array.isArray(value) ? value : value ? [value] : [];
};

function optionsOf(element, state) {
  if (element.type.endsWith('static_select')) {
    return (element.options ?? element.option_groups.flatMap((group) => group.options)).map(asOption);
  }
  if (element.type.endsWith('users_select')) return state.people.filter((person) => !person.is_app).map(asPerson);
  if (element.type.endsWith('conversations_select')) {
    const kinds = element.filter?.include ?? ['public', 'private', 'im'];
    return state.channels.filter((channel) => kinds.includes(channel.kind)).map(asChannel);
  }
  return null;
}

async function asked(element, blockId, state, typed) {
  if (typed.length < (element.min_query_length ?? 3)) return [];
  try {
    return (await api.optionsFor(state.me.name, blockId, element.action_id, typed)).map(asOption);
  } catch {
    return [];
  }
}

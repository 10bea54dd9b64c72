import { fill, h, icon } from './dom.js';

let menus = 0;

/**
 * A searchable menu: one choice, or several as chips. `search(typed)` gives options as { value, label, note }; it may ask the app.
 * Keys: arrows, Enter, Escape, and Backspace for the last chip.
 */
export function menu({
  label,
  placeholder,
  many = false,
  max = Number.POSITIVE_INFINITY,
  selected,
  search,
  describe,
  onChange,
}) {
  menus += 1;
  const listId = `menu-${menus}`;
  let chosen = [...selected];
  let options = [];
  let active = 0;
  let asked = 0;

  const chips = h('span', { className: 'chips' });
  const input = h('input', {
    type: 'text',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': label,
    'aria-expanded': 'false',
    'aria-controls': listId,
    'aria-autocomplete': 'list',
    ...describe,
  });
  const list = h('ul', {
    id: listId,
    role: 'listbox',
    className: 'options',
    hidden: true,
    'aria-multiselectable': String(many),
  });
  const box = h('div', { className: 'menu' }, [
    h('div', { className: 'menu-field', onclick: () => input.focus() }, [chips, input, icon('chevron')]),
    list,
  ]);

  const changed = () => {
    show();
    onChange(
      chosen.map((each) => each.value),
      chosen,
    );
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
    input.value = !many && chosen[0] ? chosen[0].label : '';
  };
  const pick = (option) => {
    if (!option) return;
    const has = chosen.some((each) => each.value === option.value);
    if (!many) chosen = [option];
    else if (has) chosen = chosen.filter((each) => each.value !== option.value);
    else if (chosen.length < max) chosen = [...chosen, option];
    input.value = '';
    changed();
    if (many) open('');
    else close();
  };
  function show() {
    input.placeholder = chosen.length === 0 ? placeholder : '';
    if (!many) {
      fill(chips);
      return;
    }
    fill(
      chips,
      chosen.map((each) =>
        h('span', { className: 'chip' }, [
          each.label,
          h(
            'button',
            { type: 'button', 'aria-label': `Remove ${each.label}`, onclick: () => remove(each) },
            icon('cross'),
          ),
        ]),
      ),
    );
  }
  const remove = (each) => {
    chosen = chosen.filter((other) => other !== each);
    changed();
    input.focus();
  };
  const draw = () => {
    fill(list, options.length === 0 ? h('li', { className: 'none' }, 'Nothing found') : options.map(item));
    list.children[active]?.scrollIntoView({ block: 'nearest' });
    if (options[active]) input.setAttribute('aria-activedescendant', `${listId}-${active}`);
  };
  const item = (option, index) =>
    h(
      'li',
      {
        id: `${listId}-${index}`,
        role: 'option',
        className: index === active ? 'active' : '',
        'aria-selected': String(chosen.some((each) => each.value === option.value)),
        onmousedown: (event) => {
          event.preventDefault();
          pick(option);
        },
      },
      [h('span', {}, option.label), option.note ? h('small', {}, option.note) : null, icon('check', 'tick')],
    );
  async function open(typed) {
    asked += 1;
    const mine = asked;
    const found = await search(typed);
    if (mine !== asked || document.activeElement !== input) return;
    options = found;
    active = Math.max(0, many ? 0 : options.findIndex((each) => each.value === chosen[0]?.value));
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    draw();
  }
  input.addEventListener('focus', () => input.select());
  input.addEventListener('click', () => list.hidden && open(''));
  input.addEventListener('input', () => open(input.value));
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (list.hidden) open('');
      else {
        active = (active + step + options.length) % Math.max(1, options.length);
        draw();
      }
    } else if (event.key === 'Enter' && !list.hidden) {
      event.preventDefault();
      pick(options[active]);
    } else if (event.key === 'Escape' && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === 'Backspace' && many && input.value === '' && chosen.length > 0) remove(chosen.at(-1));
  });
  show();
  close();
  return box;
}

/** Finds options of a fixed list by what is typed. */
export const among = (options) => async (typed) => {
  const wanted = typed.trim().toLowerCase();
  return options.filter((each) => `${each.label} ${each.note ?? ''}`.toLowerCase().includes(wanted));
};

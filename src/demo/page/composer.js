import * as api from './api.js';
import { fill, h, icon, toast } from './dom.js';

/** Where a person writes. `/` offers the app's commands, except in threads, where Slack runs none. */
export function composer({ label, send, commands }) {
  const list = h('ul', {
    className: 'options commands',
    role: 'listbox',
    id: `words-${label.replace(/\W/g, '')}`,
    hidden: true,
  });
  const input = h('textarea', { rows: 1, 'aria-label': label, placeholder: label, 'aria-controls': list.id });
  let words = [];
  let active = 0;

  const offered = () =>
    commands().flatMap(({ command, description, words: known }) =>
      (known.length === 0 ? [''] : known).map((word) => ({ text: `${command} ${word}`.trim(), description })),
    );
  const grow = () => {
    input.style.height = 'auto';
    input.style.height = `${Math.min(input.scrollHeight, 180)}px`;
  };
  const offer = () => {
    const typed = input.value;
    words = typed.startsWith('/') ? offered().filter((each) => each.text.startsWith(typed) && each.text !== typed) : [];
    active = 0;
    draw();
  };
  const draw = () => {
    list.hidden = words.length === 0;
    fill(
      list,
      words.map((each, index) =>
        h(
          'li',
          {
            role: 'option',
            className: index === active ? 'active' : '',
            'aria-selected': String(index === active),
            onmousedown: (event) => {
              event.preventDefault();
              take(each);
            },
          },
          [h('span', {}, each.text), index === 0 ? h('small', {}, each.description) : null],
        ),
      ),
    );
  };
  const take = (each) => {
    input.value = each.text;
    offer();
    grow();
    input.focus();
  };
  const submit = async () => {
    const text = input.value.trim();
    if (text === '') return;
    input.value = '';
    offer();
    grow();
    await send(text);
  };
  input.addEventListener('input', () => {
    offer();
    grow();
  });
  input.addEventListener('blur', () => {
    list.hidden = true;
  });
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!list.hidden && step !== undefined) {
      event.preventDefault();
      active = (active + step + words.length) % words.length;
      draw();
    } else if (!list.hidden && (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey))) {
      event.preventDefault();
      take(words[active]);
    } else if (event.key === 'Escape') {
      words = [];
      draw();
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  const button = h(
    'button',
    { type: 'button', className: 'send', 'aria-label': 'Send', onclick: submit },
    icon('send'),
  );
  return h('div', { className: 'composer' }, [list, input, button]);
}

/** Sends what was typed: a command, or a message. */
export function sender(place) {
  return (text) => {
    const { name, channel, threadTs } = place();
    if (text.startsWith('/') && threadTs) {
      toast('Slash commands do not work in threads. Use them in the channel.');
      return undefined;
    }
    if (text.startsWith('/')) return api.act(name, 'commands', { channel, text });
    return api.act(name, 'messages', { channel, text, ...(threadTs ? { thread_ts: threadTs } : {}) });
  };
}

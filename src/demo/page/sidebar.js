import { fill, h, icon } from './dom.js';
import { avatar } from './messages.js';

/** Who one is, and where one can go. */
export function drawSidebar(box, { state, personas, at, go, become, close }) {
  const face = JSON.stringify([state.me, personas, at, places(state).map(({ id, unread }) => [id, unread])]);
  if (box.dataset.face === face) return;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.to : null;
  box.dataset.face = face;
  fill(
    box,
    h('div', { className: 'workspace' }, [
      h('strong', {}, 'Acme'),
      h('span', {}, 'demo workspace'),
      h(
        'button',
        { type: 'button', className: 'bare close-nav', 'aria-label': 'Close the list', onclick: close },
        icon('cross'),
      ),
    ]),
    h('div', { className: 'section-name', id: 'who' }, 'You are'),
    h(
      'div',
      { className: 'personas', role: 'group', 'aria-labelledby': 'who' },
      personas.map((person) => persona(person, person.name === state.me.name, become)),
    ),
    h('div', { className: 'section-name' }, 'Channels'),
    h(
      'ul',
      {},
      state.channels.map((channel) =>
        entry(channel.id, channel, at, go, icon(channel.kind === 'private' ? 'lock' : 'hash'), channel.name),
      ),
    ),
    h('div', { className: 'section-name' }, 'Direct messages'),
    h(
      'ul',
      {},
      state.direct_messages.map((channel) =>
        entry(channel.id, channel, at, go, avatar(channel.with), channel.with.real_name),
      ),
    ),
    h('p', { className: 'fine' }, 'A local stand-in for Slack. Nothing leaves this machine.'),
  );
  if (focused) box.querySelector(`[data-to="${CSS.escape(focused)}"]`)?.focus();
}

const places = (state) => [...state.channels, ...state.direct_messages];

function persona(person, current, become) {
  return h(
    'button',
    {
      type: 'button',
      className: 'persona',
      'aria-pressed': String(current),
      'data-to': person.name,
      onclick: () => become(person.name),
    },
    [
      avatar(person),
      h('span', { className: 'who' }, [h('strong', {}, person.real_name), h('small', {}, person.title)]),
      person.unread > 0 && !current ? count(person.unread) : null,
    ],
  );
}

const count = (unread) =>
  h('span', { className: 'count', 'aria-label': `${unread} unread` }, unread > 99 ? '99+' : unread);

function entry(id, channel, at, go, mark, name) {
  return h(
    'li',
    {},
    h(
      'button',
      {
        type: 'button',
        className: `place${channel.unread > 0 ? ' unread' : ''}`,
        'aria-current': at === id ? 'page' : undefined,
        'data-to': id,
        onclick: () => go(id),
      },
      [mark, h('span', {}, name), channel.unread > 0 ? count(channel.unread) : null],
    ),
  );
}

import * as api from './api.js';
import { composer, sender } from './composer.js';
import { fill, h, icon, toast } from './dom.js';
import { drawGuide, noteReplay } from './guide.js';
import { drawChannel, drawHome, drawThread } from './messages.js';
import { showModal } from './modal.js';
import { drawSidebar } from './sidebar.js';

const element = (id) => document.getElementById(id);
const boxes = {
  sidebar: element('sidebar'),
  top: element('top'),
  guide: element('guide'),
  list: element('list'),
  thread: element('thread'),
};

/** Where the viewer is: persona, channel, thread, and tab of the app. The address keeps it across reloads. */
const at = { name: 'contractor', channel: null, thread: null, tab: 'messages', guide: true };
let state = null;
let seenByContractor = null;
let personas = [];
let stopListening = null;
let refreshing = null;
let again = false;

function readAddress() {
  const [name, channel, thread, tab] = decodeURIComponent(location.hash.slice(1)).split('/');
  if (['contractor', 'manager', 'security'].includes(name)) at.name = name;
  at.channel = channel || null;
  at.thread = thread || null;
  at.tab = tab === 'home' ? 'home' : 'messages';
}

function writeAddress() {
  history.replaceState(null, '', `#${[at.name, at.channel ?? '', at.thread ?? '', at.tab].join('/')}`);
}

/** Reads everything again, and once more if something changes in the meantime. */
function refresh() {
  again = true;
  // Nobody may press what another person sees.
  element('app').setAttribute('aria-busy', String(state !== null && state.me.name !== at.name));
  refreshing ??= readAnew().finally(() => {
    refreshing = null;
    element('app').setAttribute('aria-busy', 'false');
  });
  return refreshing;
}

async function readAnew() {
  while (again) {
    again = false;
    const { name } = at;
    try {
      const [mine, everybody, contractor] = await Promise.all([
        api.stateOf(name),
        api.personas(),
        name === 'contractor' ? null : api.stateOf('contractor'),
      ]);
      if (name !== at.name) again = true;
      else {
        state = mine;
        personas = everybody;
        seenByContractor = contractor ?? mine;
        draw();
      }
    } catch (error) {
      lost(error);
    }
  }
}

function lost() {
  document.body.classList.add('lost');
}

const places = () => [...state.channels, ...state.direct_messages];
const current = () => places().find((each) => each.id === at.channel) ?? defaultPlace();
const defaultPlace = () => state.channels.find((each) => each.name === 'acme-migration') ?? state.channels[0];

const names = {
  person: (id) => person(id)?.real_name,
  channel: (id) => state.channels.find((each) => each.id === id)?.name,
};
const person = (id) => state.people.find((each) => each.id === id);

function draw() {
  document.body.classList.remove('lost');
  const channel = current();
  at.channel = channel.id;
  const isApp = channel.kind === 'im';
  if (!isApp) at.tab = 'messages';
  const root = channel.messages.find((each) => each.ts === at.thread) ?? null;
  if (!root) at.thread = null;
  const view = { state, names, person, openThread: (message) => visitThread(message.ts) };
  element('starting').hidden = !state.starting;
  boxes.guide.hidden = state.starting;
  drawSidebar(boxes.sidebar, { state, personas, at: at.channel, go, become, close: closeNav });
  drawTop(channel, isApp);
  drawGuide(boxes.guide, {
    ...{ seen: seenByContractor, personas, isOpen: at.guide, toggle: toggleGuide, visit },
    at: { name: at.name, channel: at.channel, channelName: channel.name, thread: at.thread, isApp },
  });
  if (isApp && at.tab === 'home') drawHome(boxes.list, view);
  else drawChannel(boxes.list, channel, view);
  element('composer').hidden = isApp && at.tab === 'home';
  drawSide(channel, root, view);
  showModal(state, names);
  writeAddress();
  markRead(channel);
  const unread = personas.reduce((sum, each) => sum + each.unread, 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${isApp ? 'Daypass' : `#${channel.name}`} · Daypass demo`;
}

function drawTop(channel, isApp) {
  const face = JSON.stringify([channel.id, channel.members.length, at.tab, state.me.name]);
  if (boxes.top.dataset.face === face) return;
  boxes.top.dataset.face = face;
  const tab = (name, label) =>
    h(
      'button',
      { type: 'button', role: 'tab', 'aria-selected': String(at.tab === name), onclick: () => openTab(name) },
      label,
    );
  fill(
    boxes.top,
    h(
      'button',
      { type: 'button', className: 'bare open-nav', 'aria-label': 'Channels and people', onclick: openNav },
      icon('menu'),
    ),
    h('div', { className: 'title' }, [
      h('h1', {}, isApp ? channel.with.real_name : [icon(channel.kind === 'private' ? 'lock' : 'hash'), channel.name]),
      h('small', {}, isApp ? 'App · your direct messages' : `${channel.topic} · ${channel.members.length} members`),
    ]),
    isApp ? h('div', { className: 'tabs', role: 'tablist' }, [tab('home', 'Home'), tab('messages', 'Messages')]) : null,
    h(
      'button',
      {
        type: 'button',
        className: 'me',
        'aria-label': `You are ${state.me.real_name}; switch person`,
        onclick: openNav,
      },
      [
        h(
          'span',
          { className: `avatar ${state.me.name}` },
          state.me.real_name.split(' ').map((word) => word[0]),
        ),
      ],
    ),
  );
}

function drawSide(channel, root, view) {
  boxes.thread.hidden = !root;
  element('app').classList.toggle('with-thread', Boolean(root));
  if (!root) {
    boxes.thread.dataset.place = '';
    fill(boxes.thread);
    return;
  }
  const place = `${state.me.name} ${root.ts}`;
  if (boxes.thread.dataset.place !== place) {
    boxes.thread.dataset.place = place;
    fill(
      boxes.thread,
      h('header', { className: 'top' }, [
        h('div', { className: 'title' }, [
          h('h2', {}, 'Thread'),
          h('small', {}, channel.kind === 'im' ? 'Daypass' : `#${channel.name}`),
        ]),
        h(
          'button',
          { type: 'button', className: 'bare', 'aria-label': 'Close the thread', onclick: () => visitThread(null) },
          icon('cross'),
        ),
      ]),
      h('div', { className: 'list', role: 'log', 'aria-label': 'Messages of the thread' }),
      composer({
        label: 'Reply…',
        commands: () => [],
        send: sender(() => ({ name: at.name, channel: at.channel, threadTs: at.thread })),
      }),
    );
  }
  drawThread(boxes.thread.querySelector('.list'), channel, root, view);
}

function markRead(channel) {
  if (channel.unread > 0 && document.visibilityState === 'visible') {
    api.act(at.name, 'marks', { channel: channel.id }, true);
  }
}

function go(id, thread = null) {
  at.channel = id;
  at.thread = thread;
  at.tab = 'messages';
  closeNav();
  draw();
}

function visitThread(ts) {
  at.thread = ts;
  draw();
}

function openTab(name) {
  at.tab = name;
  draw();
  if (name === 'home') api.act(at.name, 'clicks', { home: true });
}

/** Becomes another person: what they see replaces everything on the page. */
async function become(name) {
  if (name === at.name) return;
  Object.assign(at, { name, channel: null, thread: null, tab: 'messages' });
  follow();
  closeNav();
  await refresh();
}

/** Goes where a step of the guide happens. */
async function visit(name, to) {
  await become(name);
  const named = state.channels.find((each) => each.name === to.place);
  const channel = to.place === 'dm' ? state.direct_messages[0] : (named ?? defaultPlace());
  go(channel.id, to.thread);
}

function follow() {
  stopListening?.();
  stopListening = api.listen(at.name, refresh, lost);
}

function toggleGuide() {
  at.guide = !at.guide;
  draw();
}

const openNav = () => document.body.classList.add('nav-open');
const closeNav = () => document.body.classList.remove('nav-open');

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
    if (document.body.classList.contains('nav-open')) closeNav();
    else if (at.thread && boxes.thread.contains(document.activeElement)) visitThread(null);
  }
});
document.addEventListener('replayed', () => {
  noteReplay();
  draw();
});
document.addEventListener('visit-message', ({ detail }) => go(detail.channel, detail.thread));
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && refresh());
element('main').addEventListener('click', (event) => !event.target.closest('.open-nav, .me') && closeNav());

readAddress();
if (matchMedia('(max-width: 760px)').matches) at.guide = false;
element('composer').append(
  composer({
    label: 'Message, or / for a command',
    commands: () => state?.commands ?? [],
    send: sender(() => ({ name: at.name, channel: at.channel, threadTs: null })),
  }),
);
follow();
refresh().catch(() => toast('The workspace is not responding. Is the demo still running?'));

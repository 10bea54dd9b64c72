import * as api from './api.js';
import { renderBlocks } from './blocks.js';
import { fill, h, icon, keyed } from './dom.js';
import { clockTime, mrkdwn } from './mrkdwn.js';
import { openReplay } from './replay.js';

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`);

const initials = (name) =>
  name
    .split(' ')
    .map((word) => word[0])
    .slice(0, 2)
    .join('');

/** A coloured square with initials; the app has a key. */
export const avatar = (person) =>
  h('span', { className: `avatar ${person?.is_app ? 'of-app' : (person?.name ?? '')}`, 'aria-hidden': 'true' }, [
    person?.is_app ? icon('key') : initials(person?.real_name ?? '?'),
  ]);

function body(message, view) {
  const context = {
    ...{ state: view.state, names: view.names },
    press: (element, block, entry) =>
      api.act(view.state.me.name, 'clicks', {
        ...{ channel: message.channel, ts: message.ts, action_id: element.action_id, block_id: block.block_id },
        ...(entry === undefined ? {} : { value: entry }),
      }),
    enter: () => undefined,
  };
  const words = message.blocks.length > 0 ? renderBlocks(message.blocks, context) : mrkdwn(message.text, view.names);
  return h('div', { className: 'message-body' }, [words, files(message), replayHere(message, view)]);
}

/** Slack has no such button: the demo has security's key, and replays the recordings that messages name. */
function replayHere(message, { state }) {
  const id = state.replays ? recordingIn(message) : null;
  if (id === null) return null;
  return h(
    'button',
    {
      type: 'button',
      className: 'button replay-here',
      onclick: () => openReplay(state.me.name, id, `Recording ${id}`),
    },
    [icon('play'), 'Replay it here'],
  );
}

/** The recording that a message of security's channel says how to export. */
const recordingIn = (message) => /daypass recordings export ([0-9a-f]{8})/.exec(message.plain)?.[1] ?? null;

function files(message) {
  if (message.files.length === 0) return null;
  const all = h(
    'button',
    {
      type: 'button',
      className: 'button download-all',
      onclick: () => {
        for (const link of all.parentElement.querySelectorAll('a[download]')) link.click();
      },
    },
    [icon('down'), `Download ${message.files.length} files`],
  );
  return h('div', { className: 'files' }, [
    message.files.map((file) =>
      h('a', { className: 'file', href: file.download, download: file.name }, [
        icon('file'),
        h('span', {}, [h('strong', {}, file.name), h('small', {}, size(file.size))]),
        icon('down'),
      ]),
    ),
    message.files.length > 1 ? all : null,
  ]);
}

function threadLine(message, view) {
  if (!message.replies || view.inThread) return null;
  const { replies } = message;
  const open = () => view.openThread(message);
  if (replies.length === 0) {
    return h('button', { type: 'button', className: 'reply-here', onclick: open }, [icon('thread'), 'Reply in thread']);
  }
  const faces = [...new Set(replies.map((each) => each.user))].slice(0, 4).map((id) => avatar(view.person(id)));
  return h('button', { type: 'button', className: 'replies', onclick: open }, [
    h('span', { className: 'faces' }, faces),
    h('strong', {}, `${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}`),
    h('small', {}, `last at ${clockTime(replies.at(-1).ts)}`),
  ]);
}

function row(message, view) {
  const author = view.person(message.user);
  const only = message.ephemeral
    ? h('div', { className: 'only-you' }, [
        icon('eye'),
        'Only visible to you',
        h(
          'button',
          {
            type: 'button',
            className: 'bare',
            onclick: () => api.act(view.state.me.name, 'marks', { channel: message.channel, dismiss: message.ts }),
          },
          'Dismiss',
        ),
      ])
    : null;
  return h(
    'article',
    {
      className: `message${message.ephemeral ? ' ephemeral' : ''}`,
      'aria-label': `Message from ${author?.real_name ?? 'somebody'}`,
    },
    [
      avatar(author),
      h('div', { className: 'message-main' }, [
        only,
        h('div', { className: 'byline' }, [
          h('strong', {}, author?.real_name ?? 'Somebody'),
          author?.is_app ? h('span', { className: 'badge' }, 'App') : null,
          author?.is_guest ? h('span', { className: 'badge guest' }, 'Guest') : null,
          h('time', {}, clockTime(message.ts)),
          message.edited ? h('small', {}, '(edited)') : null,
        ]),
        body(message, view),
        threadLine(message, view),
      ]),
    ],
  );
}

const order = (one, other) => Number(one.ts) - Number(other.ts);
const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 80;

/** Keeps the list at its end where the reader is there. */
function draw(box, place, messages, view) {
  const stay = box.dataset.place !== place || atEnd(box);
  if (box.dataset.place !== place) fill(box);
  box.dataset.place = place;
  const items = messages.sort(order).map((message) => ({
    key: `${message.ts}${message.ephemeral ? 'e' : ''}`,
    data: { ...message, replays: view.state.replays, replies: view.inThread ? undefined : message.replies },
  }));
  keyed(box, items, (message) => row(message, view));
  if (stay) box.scrollTop = box.scrollHeight;
}

const own = (state, channel, thread) =>
  state.ephemerals.filter((each) => each.channel === channel.id && (each.thread_ts ?? null) === thread);

export function drawChannel(box, channel, view) {
  const messages = [...channel.messages, ...own(view.state, channel, null)];
  draw(box, `${view.state.me.name} ${channel.id}`, messages, view);
}

export function drawThread(box, channel, root, view) {
  const messages = [root, ...root.replies, ...own(view.state, channel, root.ts)];
  draw(box, `${view.state.me.name} ${channel.id} ${root.ts}`, messages, { ...view, inThread: true });
}

/** The app's Home tab. */
export function drawHome(box, view) {
  const { home, me } = view.state;
  const face = JSON.stringify([me.name, home]);
  if (box.dataset.place === face) return;
  box.dataset.place = face;
  const context = {
    ...{ state: view.state, names: view.names, values: home?.values, enter: () => undefined },
    press: (element, block, entry) =>
      api.act(me.name, 'clicks', {
        ...{ home: true, action_id: element.action_id, block_id: block.block_id },
        ...(entry === undefined ? {} : { value: entry }),
      }),
  };
  fill(
    box,
    h(
      'div',
      { className: 'home' },
      home
        ? renderBlocks(home.view.blocks, context)
        : h('p', { className: 'quiet' }, 'The app has not shown its Home tab yet.'),
    ),
  );
}

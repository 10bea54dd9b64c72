import { codeLines, fill, h, icon } from './dom.js';
import { preformattedIn } from './rich-text.js';

/** Walks a newcomer through the story. How far it is, is read from what the contractor sees. */

const codeIn = (text) => [...text.matchAll(/```\n?([\s\S]*?)```/g)].map((match) => decode(match[1].trim()));
const decode = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const SECURITY = 'security-reviews';

/** Whether a recording was replayed on this page. */
let replayed = false;
export const noteReplay = () => {
  replayed = true;
};

function facts(seen) {
  const channel = seen.channels.find((each) => each.name === 'acme-migration');
  const dm = seen.direct_messages[0];
  const root = channel?.messages.findLast((each) => each.replies.length > 0 || /Engagement/.test(each.plain)) ?? null;
  const thread = channel?.messages.flatMap((each) => each.replies) ?? [];
  const toMe = dm?.messages ?? [];
  const says = (list, pattern) => list.findLast((each) => pattern.test(each.plain));
  const granted = says(toMe, /^You have access/);
  const files = toMe.findLast((each) => each.files.some((file) => file.name.endsWith('-cert.pub')));
  const told = [...seen.ephemerals.map((each) => each.blocks), seen.modal?.view.blocks ?? []];
  const register = told.flatMap(preformattedIn).findLast((line) => line.startsWith('ssh register-'));
  return {
    channel,
    dm,
    root,
    register: register ?? null,
    connect: granted ? preformattedIn(granted.blocks).slice(0, 1) : [],
    setUp: granted ? preformattedIn(granted.blocks).slice(1, 2) : [],
    install: files ? codeIn(files.text).slice(0, 1) : [],
    done: {
      key: Boolean(says(toMe, /key is registered/i)),
      asked: Boolean(says(toMe, /request was received/i)) || Boolean(says(thread, /Access request/)),
      approved: Boolean(granted) || Boolean(says(thread, /Access granted/i)),
      connected: Boolean(says(thread, /Session|sessions?,/)),
      summary: Boolean(says(thread, /Session (?:ended|terminated|interrupted) .*after|all ended|UTC · (?!live)/)),
      ended: Boolean(says(thread, /Access ended/i)),
      replayed,
    },
  };
}

function steps(known) {
  const { done, register, setUp, connect, install, root } = known;
  const thread = root ? { place: 'channel', thread: root.ts } : { place: 'channel' };
  return [
    {
      done: done.key,
      title: 'Register a key',
      who: 'contractor',
      to: { place: 'channel' },
      text: register
        ? 'Paste this into a terminal on this machine. It proves that you hold your SSH key; the private key stays where it is.'
        : 'As Casey, press “Register a key” under the engagement, or type /access key. The line for your terminal then also shows here.',
      lines: register ? [register] : [],
      aside: register ? 'No SSH key yet? ssh-keygen -t ed25519 makes one.' : null,
    },
    {
      done: done.asked,
      title: 'Request access',
      who: 'contractor',
      to: { place: 'channel' },
      text: 'As Casey, press “Request access”: choose web-01, the scope shell, and how long. Choose 20 seconds to watch access end by itself.',
      aside:
        'Your terminal has printed one more line, which sets up ssh for every access to come: run it now, or after the approval.',
    },
    {
      done: done.approved,
      title: 'Approve',
      who: 'manager',
      to: { place: 'dm' },
      text: 'As Morgan, the engineering manager, read the card that Daypass sent and press Approve.',
    },
    {
      done: done.connected,
      title: 'Connect with ssh',
      who: 'contractor',
      to: { place: 'dm' },
      text:
        connect.length === 0
          ? 'That access is over already. As Casey, press “Request again” under Daypass’s message, for a longer time.'
          : install.length === 0
            ? 'As Casey, paste these into a terminal: the first sets up ssh, once for every access to come (leave it out if you ran it after registering); the second connects. Prefer files? Press “Other ways in” under Daypass’s message.'
            : 'As Casey, download the files of Daypass’s message, paste the first line into a terminal, and connect:',
      lines: [...(install.length === 0 ? setUp : install), ...connect],
    },
    {
      done: done.summary || done.ended,
      title: 'Read the summary',
      who: 'manager',
      to: thread,
      text: 'Type exit in the session. The engagement’s thread then says who was on which target, for how long, and how much passed. What was run goes to security’s channel only.',
    },
    {
      done: done.ended,
      title: 'End it',
      who: 'manager',
      to: thread,
      text: 'Connect once more as Casey and leave the session open. As Morgan, press Revoke in the thread: the session ends within a second.',
      lines: connect,
    },
    {
      done: done.replayed,
      title: 'Replay the recording',
      who: 'security',
      to: { place: SECURITY },
      text: 'As Sam from security, look at #security-reviews: each session is there with what was run in it, and how many files were moved. Press “Replay it here”: the recording is decrypted with a key that only security holds.',
    },
  ];
}

/** Whether the viewer is already where the step happens. */
function isAt(step, place, { channel, dm }) {
  if (!step || step.who !== place.name) return false;
  if (step.to.place === 'dm') return place.channel === dm?.id || place.isApp;
  if (step.to.place === SECURITY) return place.channelName === SECURITY;
  return place.channel === channel?.id && (!step.to.thread || step.to.thread === place.thread);
}

export function drawGuide(box, { seen, personas, at: place, isOpen, toggle, visit }) {
  const known = facts(seen);
  const list = steps(known);
  const at = list.findIndex((step) => !step.done);
  const isThere = isAt(list[at], place, known);
  const face = JSON.stringify([
    isThere,
    list.map((step) => [step.done, step.lines]),
    isOpen,
    personas.map((each) => each.name),
  ]);
  if (box.dataset.face === face) return;
  box.dataset.face = face;
  const step = list[at] ?? null;
  const person = personas.find((each) => each.name === step?.who);
  const head = h(
    'button',
    { type: 'button', className: 'guide-head', 'aria-expanded': String(isOpen), onclick: toggle },
    [
      h(
        'span',
        { className: 'pips', 'aria-hidden': 'true' },
        list.map((each, index) => h('span', { className: each.done ? 'pip done' : index === at ? 'pip now' : 'pip' })),
      ),
      h('strong', {}, step ? `Next: ${step.title[0].toLowerCase()}${step.title.slice(1)}` : 'That was the whole story'),
      h('small', {}, step ? `step ${at + 1} of ${list.length}` : ''),
      icon('chevron'),
    ],
  );
  const open = step
    ? h('div', { className: 'guide-body' }, [
        h('p', {}, step.text),
        (step.lines ?? []).filter((line) => !(isThere && line.includes('\n'))).map((line) => codeLines(line)),
        step.aside ? h('p', { className: 'quiet' }, step.aside) : null,
        h('div', { className: 'guide-go' }, [
          isThere
            ? null
            : h(
                'button',
                { type: 'button', className: 'button primary', onclick: () => visit(step.who, step.to) },
                `Go there as ${person?.real_name ?? step.who}`,
              ),
          h(
            'ol',
            { className: 'steps' },
            list.map((each, index) =>
              h('li', { className: each.done ? 'done' : index === at ? 'now' : '' }, [
                each.done ? icon('check') : null,
                each.title,
              ]),
            ),
          ),
        ]),
      ])
    : h('div', { className: 'guide-body' }, [
        h(
          'p',
          {},
          'A key was registered; access was requested, approved, used, recorded and ended; and the recording was replayed.',
        ),
        h('p', {}, [
          'Next: install it for your own servers, as ',
          h('code', {}, 'docs/operations.md'),
          ' says, and connect it to your Slack (',
          h('code', {}, 'docs/slack-setup.md'),
          '). Ctrl-C in the terminal ends this demo and leaves nothing behind.',
        ]),
      ]);
  fill(box, head, isOpen ? open : null);
}

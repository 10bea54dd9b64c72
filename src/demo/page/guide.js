import { codeLines, fill, h, icon } from './dom.js';
import { preformattedIn } from './rich-text.js';

/** Walks a newcomer through the story. It reads how far the story is from what the contractor sees. */

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
      summary: Boolean(
        says(
          thread,
          /Session (?:ended|terminated|interrupted) .*after|all ended|sessions?, .*live[\s\S]*UTC · (?!live)/,
        ),
      ),
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
        ? 'Paste this into a terminal on this machine. It proves that you have the SSH key. The private key stays where it is.'
        : 'As Casey, press “Register a key” below the engagement, or type /access key. The command for your terminal then appears here too.',
      lines: register ? [register] : [],
      aside: register ? 'No SSH key yet? Create one with ssh-keygen -t ed25519.' : null,
    },
    {
      done: done.asked,
      title: 'Request access',
      who: 'contractor',
      to: { place: 'channel' },
      text: 'As Casey, press “Request access”. Choose web-01, the scope shell and a duration. Choose 20 seconds if you want to watch access expire.',
      aside:
        'Your terminal also printed a command that sets up ssh for all future access. Run it now or after the approval.',
    },
    {
      done: done.approved,
      title: 'Approve',
      who: 'manager',
      to: { place: 'dm' },
      text: 'As Morgan, the engineering manager, read the card that Daypass sent you and press Approve.',
    },
    {
      done: done.connected,
      title: 'Connect with ssh',
      who: 'contractor',
      to: { place: 'dm' },
      text:
        connect.length === 0
          ? 'That access has already ended. As Casey, press “Request again” below Daypass’s message and choose a longer duration.'
          : install.length === 0
            ? 'As Casey, paste these into a terminal. The first sets up ssh for all future access (skip it if you ran it after registering). The second connects. Prefer files? Press “Other ways in” below Daypass’s message.'
            : 'As Casey, download the files in Daypass’s message, paste the first line into a terminal, then connect:',
      lines: [...(install.length === 0 ? setUp : install), ...connect],
    },
    {
      done: done.summary || done.ended,
      title: 'Read the summary',
      who: 'manager',
      to: thread,
      text: 'Type exit in the session. The engagement’s thread then shows who was on which target, for how long, and how much data passed. What was run is shown only in security’s channel.',
    },
    {
      done: done.ended,
      title: 'End it',
      who: 'manager',
      to: thread,
      text: 'Connect once more as Casey and leave the session open. Then, as Morgan, press Revoke… in the thread. The session ends within a second.',
      lines: connect,
    },
    {
      done: done.replayed,
      title: 'Replay the recording',
      who: 'security',
      to: { place: SECURITY },
      text: 'As Sam from security, look at #security-reviews. It shows each session, what was run in it, and how many files were moved. Press “Replay it here”. The recording is decrypted with a key that only security has.',
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
      h(
        'strong',
        {},
        step ? `Next: ${step.title[0].toLowerCase()}${step.title.slice(1)}` : 'You have seen the whole story',
      ),
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
          'You registered a key, then requested, approved, used and ended access. The sessions were recorded, and you replayed a recording.',
        ),
        h('p', {}, [
          'Next: install Daypass for your own servers (',
          h('code', {}, 'docs/operations.md'),
          ') and connect it to your Slack (',
          h('code', {}, 'docs/slack-setup.md'),
          '). To end this demo, press Ctrl-C in the terminal. It leaves nothing behind.',
        ]),
      ]);
  fill(box, head, isOpen ? open : null);
}

import type { Core } from './core.ts';
import { visiblePeople } from './inputs.ts';
import { plainMessage } from './mrkdwn.ts';
import { PERSONAS } from './seed.ts';
import type { Channel, Message, OpenView, User } from './state.ts';

/** What one person sees, and nothing else: the JSON of the persona API, which the page shows. */
export function personaState(core: Core, user: User) {
  const { state } = core;
  const mine = [...state.channels.values()].filter((channel) => channel.members.has(user.id));
  const shared = state.messages.filter((message) => message.files.length > 0);
  const home = state.homes.get(user.id);
  const modal = state.modalsOf(user.id).at(-1);
  return {
    version: state.version,
    /** Nobody is answered yet. */
    starting: core.stage.starting,
    /** Whether this person can replay recordings here: it takes the key, which security holds. */
    replays: core.stage.replay !== null && user.name === 'security',
    me: personObject(core, user),
    people: visiblePeople(state, user.id).map((each) => personObject(core, each)),
    commands: [...core.manifest.commands].map(([command, about]) => ({ command, ...about })),
    channels: mine.filter((channel) => channel.kind !== 'im').map((channel) => channelState(core, user, channel)),
    direct_messages: mine
      .filter((channel) => channel.kind === 'im')
      .map((channel) => ({ ...channelState(core, user, channel), with: personIn(core, state.bot) })),
    ephemerals: state.ephemerals
      .filter((message) => message.onlyFor === user.id)
      .map((message) => messageState(core, message)),
    modal: modal ? viewState(modal, state.modalsOf(user.id).length) : null,
    home: home ? viewState(home, 1) : null,
    files: shared
      .filter((message) => mine.some((channel) => channel.id === message.channel))
      .flatMap((message) => fileStates(core, user, message)),
  };
}

export type PersonaState = ReturnType<typeof personaState>;

const personIn = (core: Core, id: string) => {
  const user = core.state.user(id);
  return user ? personObject(core, user) : null;
};

const personObject = (core: Core, user: User) => ({
  id: user.id,
  name: user.name,
  real_name: user.realName,
  title: user.title,
  is_guest: user.isRestricted || user.isUltraRestricted,
  is_app: user.id === core.state.bot,
});

function channelState(core: Core, user: User, channel: Channel) {
  const all = core.state.messages.filter((message) => message.channel === channel.id);
  return {
    id: channel.id,
    name: channel.name,
    kind: channel.kind,
    topic: channel.topic,
    members: [...channel.members],
    unread: unreadIn(core, user, channel.id),
    messages: all
      .filter((message) => message.threadTs === null)
      .map((message) => ({
        ...messageState(core, message, user),
        replies: all.filter((each) => each.threadTs === message.ts).map((each) => messageState(core, each, user)),
      })),
  };
}

function messageState(core: Core, message: Message, reader?: User) {
  return {
    channel: message.channel,
    ts: message.ts,
    thread_ts: message.threadTs,
    user: message.user,
    ephemeral: message.onlyFor !== null,
    edited: message.edited,
    text: message.text,
    /** Without markup, buttons in brackets. */
    plain: plainMessage(core.state, message),
    blocks: message.blocks,
    files: reader ? fileStates(core, reader, message) : [],
  };
}

const fileStates = (core: Core, reader: User, message: Message) =>
  message.files
    .flatMap((id) => core.state.files.get(id) ?? [])
    .map((file) => ({
      id: file.id,
      name: file.name,
      title: file.title,
      size: file.length,
      channel: message.channel,
      ts: message.ts,
      download: `/personas/${reader.name}/files/${file.id}/${encodeURIComponent(file.name)}`,
    }));

function viewState(open: OpenView, depth: number) {
  // What an app keeps in a view for itself is not for the person's eyes.
  const { private_metadata: _hidden, ...view } = open.view;
  return { id: open.id, depth, view, values: open.values, errors: open.errors, notice: open.notice };
}

function unreadIn(core: Core, user: User, channel: string): number {
  const read = Number(core.state.read.get(`${user.id} ${channel}`) ?? 0);
  const isUnread = (message: Message): boolean =>
    message.channel === channel && message.user !== user.id && Number(message.ts) > read;
  return core.state.messages.filter(isUnread).length;
}

/** All personas, with how much each has not read. */
export const personaList = (core: Core) =>
  PERSONAS.flatMap((name) => core.state.byName(name) ?? []).map((user) => ({
    ...personObject(core, user),
    unread: [...core.state.channels.values()]
      .filter((channel) => channel.members.has(user.id))
      .reduce((sum, channel) => sum + unreadIn(core, user, channel.id), 0),
  }));

/** The bytes of a file that was shared where the person is. */
export function fileFor(core: Core, user: User, fileId: string): { name: string; content: Uint8Array } | null {
  const file = core.state.files.get(fileId);
  const channel = file?.sharedIn ? core.state.channel(file.sharedIn) : null;
  if (!file?.content || !channel?.members.has(user.id)) return null;
  return { name: file.name, content: file.content };
}

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Block, View } from './blocks.ts';

export type User = {
  readonly id: string;
  /** The handle; also the persona's name in the persona API. */
  readonly name: string;
  realName: string;
  readonly title: string;
  readonly tz: string;
  readonly isBot: boolean;
  isRestricted: boolean;
  isUltraRestricted: boolean;
  deleted: boolean;
  /** Another workspace's account, as in a channel shared by Slack Connect; null for this one's. */
  teamId: string | null;
  /** No channel is shared with this account any more: Slack says that it is not visible. */
  isHidden: boolean;
};

export type Channel = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'public' | 'private' | 'im';
  readonly topic: string;
  readonly members: Set<string>;
};

export type Metadata = { readonly event_type: string; readonly event_payload: Readonly<Record<string, unknown>> };

export type Message = {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | null;
  readonly user: string;
  text: string;
  blocks: readonly Block[];
  metadata: Metadata | null;
  readonly files: readonly string[];
  edited: boolean;
  /** The only reader of an ephemeral message; null for one that the channel sees. */
  readonly onlyFor: string | null;
};

export type FileItem = {
  readonly id: string;
  readonly name: string;
  readonly length: number;
  title: string;
  content: Uint8Array | null;
  /** Null until completeUploadExternal. */
  sharedIn: string | null;
};

/** What one input of a view holds, in the shape that Slack sends it. */
export type InputState = { readonly type: string; readonly [key: string]: unknown };
export type Values = Record<string, Record<string, InputState>>;

export type OpenView = {
  readonly id: string;
  readonly user: string;
  readonly rootId: string;
  readonly previousId: string | null;
  /** Where the person was when they opened it. */
  readonly origin: string | null;
  view: View;
  hash: string;
  values: Values;
  errors: Readonly<Record<string, string>>;
  /** What Slack itself says in the window, such as that the app did not answer. */
  notice: string | null;
};

const MESSAGES_MAX = 5_000;
const EPHEMERALS_MAX = 200;
const FILES_MAX = 2_000;

/** Everything the workspace holds, in memory; `version` grows with each change. */
export class WorkspaceState {
  readonly team = { id: 'T0DEMO000', domain: 'acme-demo', name: 'Acme (demo)' };
  readonly bot: string;
  readonly appId = 'A0DAYPASS0';
  readonly botId = 'B0DAYPASS0';
  readonly users = new Map<string, User>();
  readonly channels = new Map<string, Channel>();
  /** Ids that channels had before, and those they have since. */
  readonly movedChannels = new Map<string, string>();
  readonly messages: Message[] = [];
  readonly ephemerals: Message[] = [];
  readonly files = new Map<string, FileItem>();
  /** User groups: ids of their people, by the group's id. */
  readonly groups = new Map<string, readonly string[]>();
  /** Open windows of each person, the topmost last. */
  readonly modals = new Map<string, OpenView[]>();
  readonly homes = new Map<string, OpenView>();
  /** The last message each person has read, by `<user> <channel>`. */
  readonly read = new Map<string, string>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #now: () => number;
  #lastTs = 0;
  version = 0;

  constructor(bot: string, now: () => number) {
    this.bot = bot;
    this.#now = now;
  }

  now(): number {
    return this.#now();
  }

  changed(): void {
    this.version += 1;
    this.#changes.emit('change');
  }

  onChange(listener: () => void): () => void {
    this.#changes.on('change', listener);
    return () => this.#changes.off('change', listener);
  }

  /** Slack's message ids: seconds and microseconds, unique, growing. */
  nextTs(): string {
    this.#lastTs = Math.max(Math.floor(this.#now() * 1000), this.#lastTs + 100);
    return `${Math.floor(this.#lastTs / 1e6)}.${String(this.#lastTs % 1e6).padStart(6, '0')}`;
  }

  nextId(letter: string): string {
    return `${letter}0${randomBytes(5).toString('hex').slice(0, 9).toUpperCase()}`;
  }

  nextHash(): string {
    return `${Math.floor(this.#now() / 1000)}.${randomBytes(4).toString('hex')}`;
  }

  user(id: string): User | null {
    return this.users.get(id) ?? null;
  }

  byName(name: string): User | null {
    return [...this.users.values()].find((user) => user.name === name) ?? null;
  }

  channel(id: string): Channel | null {
    return this.channels.get(id) ?? null;
  }

  /** The direct messages of a person and the app. */
  im(user: string): Channel {
    const found = [...this.channels.values()].find((each) => each.kind === 'im' && each.members.has(user));
    if (found) return found;
    const id = this.nextId('D');
    const channel: Channel = { id, name: 'directmessage', kind: 'im', topic: '', members: new Set([user, this.bot]) };
    this.channels.set(id, channel);
    return channel;
  }

  post(message: Omit<Message, 'ts' | 'edited'>): Message {
    const posted: Message = { ...message, ts: this.nextTs(), edited: false };
    const list = posted.onlyFor === null ? this.messages : this.ephemerals;
    list.push(posted);
    if (list.length > (list === this.messages ? MESSAGES_MAX : EPHEMERALS_MAX)) list.shift();
    this.changed();
    return posted;
  }

  message(channel: string, ts: string): Message | null {
    return this.messages.findLast((each) => each.channel === channel && each.ts === ts) ?? null;
  }

  addFile(file: FileItem): void {
    this.files.set(file.id, file);
    const [oldest] = this.files.keys();
    if (this.files.size > FILES_MAX && oldest !== undefined) this.files.delete(oldest);
  }

  modalsOf(user: string): OpenView[] {
    const stack = this.modals.get(user) ?? [];
    this.modals.set(user, stack);
    return stack;
  }

  /** An open window or a home tab, by its id. */
  view(id: string): OpenView | null {
    const open = [...this.modals.values(), [...this.homes.values()]].flat();
    return open.find((each) => each.id === id) ?? null;
  }
}

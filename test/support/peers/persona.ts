import { z } from 'zod';

const Button = z
  .object({ type: z.string(), action_id: z.string().optional(), value: z.string().optional(), text: z.unknown() })
  .loose();
const Block = z.object({ type: z.string(), elements: z.array(z.unknown()).optional() }).loose();
const Message = z.object({
  channel: z.string(),
  ts: z.string(),
  thread_ts: z.string().nullable(),
  text: z.string(),
  plain: z.string(),
  user: z.string(),
  blocks: z.array(Block),
  files: z.array(z.object({ id: z.string(), name: z.string(), download: z.string() })),
});
const Channel = z.object({
  id: z.string(),
  messages: z.array(Message.extend({ replies: z.array(Message) })),
});
const State = z.object({
  version: z.number(),
  channels: z.array(Channel),
  direct_messages: z.array(Channel),
  ephemerals: z.array(Message),
  modal: z
    .object({
      view: z
        .object({ callback_id: z.string().optional(), blocks: z.array(Block), title: z.object({ text: z.string() }) })
        .loose(),
      /** What stands in its fields. */
      values: z.unknown(),
      errors: z.record(z.string(), z.string()),
      notice: z.string().nullable(),
    })
    .nullable(),
  home: z.object({ view: z.object({ blocks: z.array(Block) }).loose() }).nullable(),
  files: z.array(z.object({ id: z.string(), name: z.string(), download: z.string() })),
});
export type State = z.infer<typeof State>;
export type Message = z.infer<typeof Message>;
export type Reply = { readonly status: number; readonly body: Record<string, unknown> };

const PATIENCE_MS = 30_000;

/** A person at the demo workspace, through its persona API. */
export class Persona {
  readonly #url: string;
  readonly #name: string;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  async call(path: string, body: unknown): Promise<Reply> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${this.#url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) };
  }

  #do(verb: string, body: unknown): Promise<Reply> {
    return this.call(`personas/${this.#name}/${verb}`, body);
  }

  command(text: string, channel: string): Promise<Reply> {
    return this.#do('commands', { channel, text });
  }

  say(text: string, channel = '@app'): Promise<Reply> {
    return this.#do('messages', { channel, text });
  }

  submit(values: Record<string, unknown>): Promise<Reply> {
    return this.#do('submissions', { values });
  }

  closeWindow(): Promise<Reply> {
    return this.#do('submissions', { close: true });
  }

  click(message: Message, button: string): Promise<Reply> {
    return this.#do('clicks', { channel: message.channel, ts: message.ts, button });
  }

  clickInWindow(button: string): Promise<Reply> {
    return this.#do('clicks', { view: true, button });
  }

  choose(actionId: string, value: string): Promise<Reply> {
    return this.#do('clicks', { view: true, action_id: actionId, value });
  }

  openHome(): Promise<Reply> {
    return this.#do('clicks', { home: true });
  }

  async state(after?: number): Promise<State> {
    const query = after === undefined ? '' : `?after=${after}`;
    const response = await fetch(`${this.#url}personas/${this.#name}/state${query}`);
    return State.parse(await response.json());
  }

  /** Waits for a state in which it is so; the workspace answers at each change. */
  async until<T>(what: string, isSo: (state: State) => T): Promise<NonNullable<Exclude<T, false>>> {
    const patience = Date.now() + PATIENCE_MS;
    let state = await this.state();
    for (;;) {
      const found = isSo(state);
      if (found !== null && found !== undefined && found !== false) return found as NonNullable<Exclude<T, false>>;
      if (Date.now() > patience)
        throw new Error(`${this.#name} waited in vain for ${what}: ${JSON.stringify(state).slice(0, 6_000)}`);
      state = await this.state(state.version);
    }
  }

  async file(download: string): Promise<string> {
    return (await fetch(`${this.#url}${download.slice(1)}`)).text();
  }

  thread(state: State): readonly Message[] {
    const root = this.root(state);
    return root?.replies ?? [];
  }

  root(state: State) {
    return (
      state.channels.flatMap((channel) => channel.messages).find((message) => message.plain.startsWith('Engagement')) ??
      null
    );
  }

  /** Review cards, wherever this person sees them. */
  cards(state: State): readonly Message[] {
    const direct = state.direct_messages.flatMap((channel) => channel.messages);
    return [...direct, ...this.thread(state)].filter((message) => message.plain.startsWith('Access request'));
  }

  /** How often this person was told that a request was received. */
  receipts(state: State): number {
    const direct = state.direct_messages.flatMap((channel) => channel.messages);
    return direct.filter((message) => message.plain.includes('request was received')).length;
  }

  /** The direct messages that brought an access. */
  grants(state: State): readonly Message[] {
    const direct = state.direct_messages.flatMap((channel) => channel.messages);
    return direct.filter((message) => message.plain.startsWith('You have access'));
  }

  /** Waits until this many accesses came; the last of them. */
  async granted(times = 1): Promise<Message> {
    return this.until('an access', (state) => {
      const grants = this.grants(state);
      return grants.length >= times && grants.at(-1);
    });
  }

  async card(where: 'direct' | 'thread'): Promise<Message> {
    return this.until(`a review card (${where})`, (state) =>
      this.cards(state).findLast((message) => (message.thread_ts === null) === (where === 'direct')),
    );
  }

  /** Opens the request form by the button of the engagement's root message. */
  async openForm(): Promise<void> {
    const root = await this.until('the root message', (state) => this.root(state));
    await this.click(root, 'Request access');
    await this.until('a window', (state) => state.modal !== null);
  }

  /** Everything that only this person was told. */
  async whispers(): Promise<string[]> {
    return (await this.state()).ephemerals.map((message) => message.plain);
  }
}

export const buttonsOf = (message: Pick<Message, 'blocks'>): string[] =>
  message.blocks.flatMap((block) =>
    (block.elements ?? []).flatMap((element) => {
      const button = Button.safeParse(element);
      return button.success && button.data.type === 'button' ? [button.data.action_id ?? ''] : [];
    }),
  );

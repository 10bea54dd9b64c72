import type { AuthorizedSession } from '../../access/authorized-session.ts';
import { type ChannelVerdict, permits } from '../../access/scopes/permits.ts';
import type { Shown } from '../../access/shown.ts';
import { slotOf } from '../../recording/format/format.ts';
import type { ChannelRecorder } from '../../recording/write/channel-recorder.ts';
import type { ChannelRecord, ChannelStart, Fact } from '../../recording/write/recorder-messages.ts';
import { NOTICES_WAITING_MAX, REFUSAL_LENGTH_MAX, REFUSALS_KEPT_MAX } from '../limits.ts';
import { Channel } from '../ssh/channel.ts';
import type { PendingOpen } from '../ssh/channel-table.ts';
import { OPEN_FAILURE, tunnelTo } from '../ssh/messages.ts';
import type { Upstream } from '../upstream/connect.ts';
import { printable } from '../words/refusals.ts';
import { TARGET } from '../words/session-words.ts';
import { ChannelRecords, type NumberedRecord } from './channel-records.ts';
import { Relay, type RelayRecord } from './relay.ts';
import { Tunnel } from './tunnel.ts';
import { Watchers } from './watchers.ts';

/** Where the gateway itself is reached: no tunnel leads there. */
export type GatewayPlace = { readonly hosts: readonly string[]; readonly ports: readonly number[] };

export type SessionChannelsDeps = {
  readonly authorized: AuthorizedSession;
  readonly gateway: GatewayPlace;
  readonly upstream: Upstream;
  /** Waits for the recording; rejects where there is none. */
  openRecorder(start: ChannelStart, overrun?: () => void): Promise<ChannelRecorder>;
  recordingFailed(error: Error): void;
  journal(fact: Fact): void;
  /** Why the session is ending, where it is. */
  whyOver(): string | null;
};

type Destination = { readonly host: string; readonly port: number };

/** The channels of one session: what is relayed, what was refused, who looks on, and what is left of each channel. */
export class SessionChannels {
  readonly #deps: SessionChannelsDeps;
  readonly #relays = new Map<Relay, number>();
  readonly #tunnels = new Set<Tunnel>();
  readonly #watchers = new Watchers();
  readonly #records = new ChannelRecords();
  readonly #refusals: string[] = [];
  #refusalsMore = 0;
  /** Said in the next channel, where none is open. */
  readonly #unsaid: string[] = [];
  /** Those that are not written yet, by their slot in the recording. */
  readonly #written = new Map<number, Promise<void>>();
  #next = 0;

  constructor(deps: SessionChannelsDeps) {
    this.#deps = deps;
  }

  /** The scope, as people read it. */
  get words(): string {
    return this.#deps.authorized.scope.words;
  }

  get isIdle(): boolean {
    return this.#relays.size + this.#tunnels.size === 0;
  }

  /** Whether somebody would read a last line in a channel. */
  get hasListener(): boolean {
    return this.#relays.size > 0;
  }

  /** Whether the scope lets a tunnel through to there. */
  permitsTunnel(destination: Destination): ChannelVerdict {
    const { authorized, gateway } = this.#deps;
    const { targetId: id, targetName: name, address, port } = authorized;
    const target = { id, name, address, port };
    return permits(authorized.scope, { kind: 'tunnel', ...destination }, { target, gateway });
  }

  /** A session channel of the client. */
  relay(channel: Channel): void {
    const number = this.#number();
    const relay = new Relay(
      {
        scope: this.#deps.authorized.scope,
        openChannel: (carries) => this.#openChannel(carries),
        openRecorder: (start, overrun) => this.#deps.openRecorder({ ...start, number }, overrun),
        refused: (sentence) => this.refused(sentence),
        watched: {
          started: () => this.#watchers.show(viewOf(relay, number)),
          output: (stream, bytes) => this.#watchers.output(number, stream, bytes),
        },
      },
      channel,
    );
    this.#relays.set(relay, number);
    for (const sentence of this.#unsaid.splice(0)) relay.notice(sentence);
    this.#keep(
      number,
      relay.finished.finally(() => this.#relays.delete(relay)),
    );
  }

  /** A tunnel that the scope allows: the client is answered with what the target answers. */
  tunnel(destination: Destination, pending: PendingOpen): void {
    const number = this.#number();
    const startedAt = Date.now();
    const opened = this.#openTunnel(number, destination, pending).then((record) => {
      if (!record) return null;
      const nothing = { command: null, pty: false, exit: null, files: null };
      const kind = { kind: 'tunnel', label: 'tunnel', coverage: 'opaque' } as const;
      return { ...nothing, ...record, ...kind, startedAt, endedAt: Date.now(), destination };
    });
    this.#keep(number, opened);
  }

  /** Something was asked on this connection and refused; kept for the record, within bounds. */
  refused(sentence: string): void {
    if (this.#refusals.length >= REFUSALS_KEPT_MAX) {
      this.#refusalsMore += 1;
      return;
    }
    const kept = sentence.slice(0, REFUSAL_LENGTH_MAX);
    this.#refusals.push(kept);
    this.#deps.journal({ what: 'refused', sentence: kept });
  }

  get hasRefused(): boolean {
    return this.#refusals.length > 0;
  }

  /** Tells the person something in each channel, and goes on; where there is none yet, in the next one. */
  notice(sentence: string): void {
    for (const relay of this.#relays.keys()) relay.notice(sentence);
    if (this.#relays.size === 0 && this.#unsaid.length < NOTICES_WAITING_MAX) this.#unsaid.push(sentence);
  }

  /** Shows what passes from now on to somebody who looks on. */
  watch(id: number, told: string | null, send: (shown: readonly Shown[]) => void): void {
    const open = [...this.#relays].filter(([relay]) => relay.view !== null);
    this.#watchers.add(
      id,
      send,
      open.map(([relay, number]) => viewOf(relay, number)),
    );
    if (told !== null) this.notice(told);
  }

  unwatch(id: number): void {
    this.#watchers.remove(id);
  }

  /** There is nothing more to see; answers who looked on. */
  unwatchAll(): readonly number[] {
    return this.#watchers.end();
  }

  /** Ends each channel with a sentence, after what has come already. */
  fail(sentence: string): void {
    for (const relay of this.#relays.keys()) relay.fail(sentence);
  }

  /** Nothing goes on any more; the person gets a last line. */
  abandon(sentence: string): void {
    for (const relay of this.#relays.keys()) relay.abandon(sentence);
    for (const tunnel of this.#tunnels) tunnel.close();
  }

  /** What is left of all channels, once each is written. */
  async finished(): Promise<{ readonly records: readonly NumberedRecord[]; readonly refusals: readonly string[] }> {
    while (this.#written.size > 0) await Promise.allSettled(this.#written.values());
    const more = this.#refusalsMore;
    if (more > 0) this.#deps.journal({ what: 'refused', sentence: `${more} more, not listed`, more });
    const unlisted = more > 0 ? [`${more} more were refused, not listed`] : [];
    return { records: this.#records.all, refusals: [...this.#refusals, ...unlisted] };
  }

  /** The recording tells those that live apart by their slots. */
  #number(): number {
    while (this.#written.has(slotOf(this.#next))) this.#next += 1;
    return this.#next++;
  }

  #keep(number: number, finished: Promise<RelayRecord | null>): void {
    const written = finished.then(
      (record) => {
        if (record) this.#records.add({ number, ...record });
      },
      (error: Error) => this.#deps.recordingFailed(error),
    );
    const slot = slotOf(number);
    this.#written.set(
      slot,
      written.finally(() => this.#written.delete(slot)),
    );
  }

  async #openChannel(carries: 'data' | 'terminal'): Promise<Channel> {
    const { upstream } = this.#deps;
    await upstream.ready;
    const channel = await upstream.channels.openSession(carries);
    if (channel instanceof Channel) return channel;
    throw new Error(this.#deps.whyOver() ?? TARGET.noChannel);
  }

  async #openTunnel(number: number, { host, port }: Destination, pending: PendingOpen): Promise<ChannelRecord | null> {
    const { upstream, openRecorder, whyOver } = this.#deps;
    const isReady = await upstream.ready.then(
      () => true,
      () => false,
    );
    if (!isReady) {
      pending.refuse(OPEN_FAILURE.CONNECT_FAILED, whyOver() ?? TARGET.notConnected);
      return null;
    }
    const recorder = await openRecorder({
      ...{ number, kind: 'tunnel', command: null, terminal: null, recordInput: false, mayLeaveOut: true },
      destination: { host, port },
    });
    return new Promise((resolve, reject) => {
      upstream.channels.open('tunnel', tunnelTo(host, port), (answer) => {
        const down = answer instanceof Channel ? pending.confirm() : null;
        if (answer instanceof Channel && down) {
          const tunnel = new Tunnel(recorder, down, answer);
          this.#tunnels.add(tunnel);
          tunnel.finished.finally(() => this.#tunnels.delete(tunnel)).then(resolve, reject);
          return;
        }
        if (answer instanceof Channel) answer.close();
        else pending.refuse(OPEN_FAILURE.CONNECT_FAILED, refusalOf(recorder, answer.description));
        recorder.finish().then(resolve, reject);
      });
    });
  }
}

const viewOf = (relay: Relay, channel: number): Shown => ({
  show: 'channel',
  channel,
  ...(relay.view ?? { kind: 'shell', command: null, size: null }),
});

/** What the target says reaches the client only where the recording has it. */
function refusalOf(recorder: ChannelRecorder, description: string): string {
  if (recorder.isFull) return TARGET.noTunnel;
  const says = printable(description);
  recorder.note({ what: 'unopened', says });
  return printable(TARGET.reports(says));
}

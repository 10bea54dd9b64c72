import { join } from 'node:path';
import { type ChannelVerdict, permits } from '../access/scope.ts';
import type { SessionEnding } from '../access/session.ts';
import type { ChannelRecord } from '../recording/channel-recorder.ts';
import { SessionRecording } from '../recording/session-recording.ts';
import type { AuthorizedSession, SessionReport } from '../use-cases/gateway-control.ts';
import type { UserauthProof } from '../use-cases/ports.ts';
import { Channel } from './channel.ts';
import type { PendingOpen } from './channel-table.ts';
import {
  DEADLINE_CHECK_MS,
  FAILURE_LINGER_MS,
  FAREWELL_MS,
  NOTICES_WAITING_MAX,
  REFUSAL_LENGTH_MAX,
  REFUSALS_KEPT_MAX,
  TERMINATED_LINGER_MS,
  WARN_MINUTES,
} from './limits.ts';
import { OPEN_FAILURE, tunnelTo } from './messages.ts';
import { printable } from './refusals.ts';
import { Relay, type RelayRecord } from './relay.ts';
import { Tunnel } from './tunnel.ts';
import { connectUpstream, type SessionKey, type Upstream, type UpstreamError } from './upstream.ts';

export type SessionStart = {
  readonly authorized: AuthorizedSession;
  readonly via: 'direct' | 'jump';
  readonly proof: UserauthProof;
  readonly clientAddress: string;
  readonly key: SessionKey;
  readonly spool: string;
  readonly gateway: GatewayPlace;
  readonly client: Client;
};

/** Where the gateway itself is reached: no tunnel leads there. */
export type GatewayPlace = { readonly hosts: readonly string[]; readonly port: number };

export type SessionEvents = {
  /** The upstream connection stands and the recording accepts. */
  readonly opened: () => void;
  /** Both connections are dead; the recording may still be written. */
  readonly cut: () => void;
  readonly closed: (report: SessionReport) => void;
};

/** The client's connection, as far as a session rules it. */
export type Client = {
  /** Tells the client why it has to go. */
  leave(sentence: string): void;
  /** Waits for nobody. `isFinal`: the person is sent away, so that what carried the connection goes too. */
  destroy(isFinal: boolean): void;
};

type Failure = { readonly ending: SessionEnding; readonly sentence: string };

const RECORDING_FAILED: SessionEnding = { how: 'failed', why: 'recording_failed' };

/** One authorised connection of a person to one target: the target's connection, the recording, the deadline, and the end. */
export class Session {
  readonly #start: SessionStart;
  readonly #events: SessionEvents;
  readonly #upstream: Upstream;
  readonly #startedAt = new Date();
  readonly #deadline: bigint;
  readonly #timer: NodeJS.Timeout;
  /** Minutes before the end at which the person is still to be told. */
  readonly #warnings: number[];
  readonly #relays = new Set<Relay>();
  readonly #tunnels = new Set<Tunnel>();
  readonly #channels: (RelayRecord & { readonly number: number })[] = [];
  readonly #refusals: string[] = [];
  readonly #unsaid: string[] = [];
  #written: Promise<void>[] = [];
  #recording: Promise<SessionRecording>;
  #failure: Failure | null = null;
  #hasOpened = false;
  #isOver = false;
  #next = 0;

  constructor(start: SessionStart, events: SessionEvents) {
    this.#start = start;
    this.#events = events;
    const { authorized } = start;
    this.#upstream = connectUpstream({ ...authorized, name: authorized.targetId }, start.key, (error) =>
      this.#upstreamEnded(error),
    );
    this.#recording = this.#beginRecording();
    const left = Math.max(0, authorized.endsAt.getTime() - this.#startedAt.getTime());
    this.#deadline = process.hrtime.bigint() + BigInt(Math.ceil(left * 1e6));
    this.#warnings = WARN_MINUTES.filter((minutes) => left > minutes * 60_000);
    this.#timer = setInterval(() => this.#checkDeadline(), DEADLINE_CHECK_MS);
    this.#tellWhenOpen();
  }

  /** Resolves when the recording accepts; rejects where there is none, and the session is over. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  /** Whether the scope lets a tunnel through to there. */
  permitsTunnel(destination: { readonly host: string; readonly port: number }): ChannelVerdict {
    const { authorized, gateway } = this.#start;
    const target = { id: authorized.targetId, address: authorized.address, port: authorized.port };
    return permits(authorized.scope, { kind: 'tunnel', ...destination }, { target, gateway });
  }

  /** The scope, as people read it. */
  get words(): string {
    return this.#start.authorized.scope.words;
  }

  /** A session channel of the client. */
  relay(channel: Channel): void {
    const number = this.#next++;
    const { scope } = this.#start.authorized;
    const relay = new Relay(
      {
        scope,
        openChannel: () => this.#openChannel(),
        openRecorder: async (start) => (await this.#recording).channel({ ...start, number }, new Date()),
        refused: (sentence) => this.refused(sentence),
      },
      channel,
    );
    this.#relays.add(relay);
    for (const sentence of this.#unsaid.splice(0)) relay.notice(sentence);
    const written = relay.finished.then(
      (record) => {
        this.#relays.delete(relay);
        if (record) this.#channels.push({ number, ...record });
      },
      (error: Error) => this.#recordingFailed(error),
    );
    this.#written.push(written);
  }

  /** A tunnel that the scope allows: the client is answered with what the target answers. */
  tunnel(destination: { readonly host: string; readonly port: number }, pending: PendingOpen): void {
    const number = this.#next++;
    const startedAt = Date.now();
    const written = this.#openTunnel(number, destination, pending).then(
      (record) => {
        if (!record) return;
        const times = { startedAt, endedAt: Date.now() };
        const nothing = { command: null, pty: false, exit: null, files: null };
        const kind = { kind: 'tunnel', label: 'tunnel', coverage: 'opaque' } as const;
        this.#channels.push({ number, ...nothing, ...record, ...kind, ...times, destination });
      },
      (error: Error) => this.#recordingFailed(error),
    );
    this.#written.push(written);
  }

  async #openTunnel(
    number: number,
    { host, port }: { readonly host: string; readonly port: number },
    pending: PendingOpen,
  ): Promise<ChannelRecord | null> {
    const start = { number, terminal: null, isFileTransfer: true, title: `${host}:${port}` };
    const ready = await this.#upstream.ready.then(
      () => true,
      () => false,
    );
    if (!ready) {
      pending.refuse(OPEN_FAILURE.CONNECT_FAILED, this.#failure?.sentence ?? 'the target is not there');
      return null;
    }
    const recorder = await (await this.#recording).channel(start, new Date());
    return new Promise((resolve, reject) => {
      this.#upstream.channels.open('direct-tcpip', tunnelTo(host, port), (answer) => {
        const down = answer instanceof Channel ? pending.confirm() : null;
        if (answer instanceof Channel && down) {
          const tunnel = new Tunnel(recorder, down, answer);
          this.#tunnels.add(tunnel);
          tunnel.finished.finally(() => this.#tunnels.delete(tunnel)).then(resolve, reject);
          return;
        }
        if (answer instanceof Channel) answer.close();
        else pending.refuse(OPEN_FAILURE.CONNECT_FAILED, printable(`the target says: ${answer.description}`));
        recorder.finish().then(resolve, reject);
      });
    });
  }

  /** Something was asked on this connection and refused; kept for the record, within bounds. */
  refused(sentence: string): void {
    if (this.#refusals.length < REFUSALS_KEPT_MAX) this.#refusals.push(sentence.slice(0, REFUSAL_LENGTH_MAX));
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.#failure) return void this.end(this.#failure.ending);
    this.end(this.#hasOpened ? { how: 'closed' } : { how: 'failed', why: 'login_abandoned' });
  }

  /**
   * Ends it from this side: the target's connection is destroyed now, the client's as soon as it has read why or a moment has passed.
   */
  terminate(why: Extract<SessionEnding, { how: 'terminated' }>['why'], sentence: string): void {
    if (this.#isOver || this.#failure?.ending.how === 'terminated') return;
    this.#failure = { ending: { how: 'terminated', why }, sentence };
    this.#abandon(sentence);
    if (this.#relays.size === 0) this.#start.client.leave(`daypass: ${sentence}`);
    this.#endIn(TERMINATED_LINGER_MS, this.#failure.ending);
  }

  /** Nothing goes on any more; the person gets a last line. */
  #abandon(sentence: string): void {
    for (const relay of this.#relays) relay.abandon(sentence);
    for (const tunnel of this.#tunnels) tunnel.close();
    this.#upstream.destroy();
  }

  /** Waits for nobody: both connections are destroyed. */
  end(ending: SessionEnding): void {
    if (this.#isOver) return;
    if (this.#failure) this.#start.client.leave(`daypass: ${this.#failure.sentence}`);
    this.#start.client.destroy(ending.how !== 'closed');
    this.#over(ending);
  }

  /** Tells the person something in each channel, and goes on; where there is none yet, in the next one. */
  notice(sentence: string): void {
    for (const relay of this.#relays) relay.notice(sentence);
    if (this.#relays.size === 0 && this.#unsaid.length < NOTICES_WAITING_MAX) this.#unsaid.push(sentence);
  }

  #over(ending: SessionEnding): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#upstream.destroy();
    this.#events.cut();
    void this.#close(ending);
  }

  async #beginRecording(): Promise<SessionRecording> {
    const { authorized, via, proof, clientAddress, spool } = this.#start;
    const { targetId, targetName, address, port } = authorized;
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    return SessionRecording.begin(
      join(spool, authorized.id),
      {
        session: authorized.id,
        grant: authorized.grantId,
        digest: authorized.grantDigest,
        engagement: authorized.engagementId,
        person: authorized.personId,
        key: authorized.keyFingerprint,
        target: { id: targetId, name: targetName, address, port },
        login: authorized.login,
        via,
        client: clientAddress,
        opening: { signed: base64(proof.signed), signature: base64(proof.signature) },
        start: this.#startedAt.toISOString(),
      },
      (error) => this.#recordingFailed(error),
    ).catch((error: Error) => {
      // Nobody was let in: the login tells the client why.
      this.#over(RECORDING_FAILED);
      throw error;
    });
  }

  /** Nothing more goes on from this moment; the person gets the time to read why, and no more. */
  #recordingFailed(error: Error): void {
    if (this.#failure?.ending === RECORDING_FAILED || this.#isOver) return;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'fault';
    const sentence = `recording failed (${code}); session ended. Nothing is let through unrecorded: tell whoever runs Daypass.`;
    this.#failure = { ending: RECORDING_FAILED, sentence };
    this.#abandon(sentence);
    this.#endIn(FAREWELL_MS, RECORDING_FAILED);
  }

  #tellWhenOpen(): void {
    Promise.all([this.#upstream.ready, this.#recording])
      .then(() => {
        if (this.#isOver) return;
        this.#hasOpened = true;
        this.#events.opened();
      })
      // Each has its own way to tell.
      .catch(() => {});
  }

  #upstreamEnded(error: UpstreamError): void {
    if (this.#failure || this.#isOver) return;
    // Nothing was under way: a target may close an idle connection.
    if (this.#hasOpened && this.#relays.size + this.#tunnels.size === 0)
      return void this.#endIn(FAILURE_LINGER_MS, { how: 'closed' });
    const { why, message } = error;
    this.#failure = { ending: { how: 'failed', why }, sentence: message };
    for (const relay of this.#relays) relay.fail(message);
    // The client gets the time to read why, or to ask for the channel in which it will.
    this.#endIn(FAILURE_LINGER_MS, this.#failure.ending);
  }

  #endIn(ms: number, ending: SessionEnding): void {
    setTimeout(() => this.end(ending), ms);
  }

  async #openChannel(): Promise<Channel> {
    await this.#upstream.ready;
    const channel = await this.#upstream.channels.openSession();
    if (channel instanceof Channel) return channel;
    throw new Error(this.#failure?.sentence ?? 'the target opens no channel. Connect again.');
  }

  /** The monotonic clock and the wall clock: whichever says so first; a jump of either never extends access. */
  #checkDeadline(): void {
    const left = this.#msLeft();
    if (left <= 0) return void this.terminate('expired', 'ended: your access has run out. Ask for more in Slack.');
    const [minutes] = this.#warnings;
    if (minutes === undefined || left > minutes * 60_000) return;
    this.#warnings.shift();
    this.notice(`access ends in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}: extend in Slack.`);
  }

  #msLeft(): number {
    const monotonic = Number(this.#deadline - process.hrtime.bigint()) / 1e6;
    return Math.min(monotonic, this.#start.authorized.endsAt.getTime() - Date.now());
  }

  async #close(ending: SessionEnding): Promise<void> {
    await Promise.allSettled(this.#written);
    const channels = this.#channels.toSorted((a, b) => a.number - b.number);
    const refusals = [...this.#refusals];
    let told = ending;
    try {
      const recording = await this.#recording;
      await recording.close({ end: new Date(), ending, refusals, channels });
    } catch {
      told = ending.how === 'terminated' ? ending : RECORDING_FAILED;
    }
    const summaries = channels.map(({ number, cast: _cast, content: _content, ...rest }) => ({ id: number, ...rest }));
    this.#events.closed({ ending: told, refusals, channels: summaries });
  }
}

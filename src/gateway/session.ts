import { join } from 'node:path';
import type { SessionEnding } from '../access/session.ts';
import { SessionRecording } from '../recording/session-recording.ts';
import type { AuthorizedSession, SessionReport } from '../use-cases/gateway-control.ts';
import type { UserauthProof } from '../use-cases/ports.ts';
import type { Channel } from './channel.ts';
import { DEADLINE_CHECK_MS, FAILURE_LINGER_MS, FAREWELL_MS, REFUSAL_LENGTH_MAX, REFUSALS_KEPT_MAX } from './limits.ts';
import { Relay, type RelayRecord } from './relay.ts';
import { connectUpstream, type SessionKey, type Upstream, type UpstreamError } from './upstream.ts';

export type SessionStart = {
  readonly authorized: AuthorizedSession;
  readonly via: 'direct' | 'jump';
  readonly proof: UserauthProof;
  readonly clientAddress: string;
  readonly key: SessionKey;
  readonly spool: string;
  readonly client: Client;
};

export type SessionEvents = {
  /** The upstream connection stands and the recording accepts. */
  readonly opened: () => void;
  /** Both connections are dead; the recording may still be written. */
  readonly cut: () => void;
  readonly closed: (report: SessionReport) => void;
};

/** The client's connection, as far as a session rules it. */
export type Client = {
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
  readonly #relays = new Set<Relay>();
  readonly #channels: (RelayRecord & { readonly number: number })[] = [];
  readonly #refusals: string[] = [];
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
    this.#timer = setInterval(() => this.#checkDeadline(), DEADLINE_CHECK_MS);
    this.#tellWhenOpen();
  }

  /** Resolves when the recording accepts; rejects where there is none, and the session is over. */
  async recorded(): Promise<void> {
    await this.#recording;
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
    const written = relay.finished.then(
      (record) => {
        this.#relays.delete(relay);
        if (record) this.#channels.push({ number, ...record });
      },
      (error: Error) => this.#recordingFailed(error),
    );
    this.#written.push(written);
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

  /** Ends it now: a last line where that needs no waiting, then both connections are destroyed. */
  end(ending: SessionEnding, sentence: string | null = null): void {
    if (this.#isOver) return;
    if (sentence !== null) for (const relay of this.#relays) relay.say(sentence);
    this.#start.client.destroy(ending.how !== 'closed');
    this.#over(ending);
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
    for (const relay of this.#relays) relay.abandon(sentence);
    this.#upstream.destroy();
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
    if (this.#hasOpened && this.#relays.size === 0) return void this.#endIn(FAILURE_LINGER_MS, { how: 'closed' });
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
    if (channel) return channel;
    throw new Error(this.#failure?.sentence ?? 'the target opens no channel. Connect again.');
  }

  /** The monotonic clock and the wall clock: whichever says so first; a jump of either never extends access. */
  #checkDeadline(): void {
    const isOver = process.hrtime.bigint() >= this.#deadline || Date.now() >= this.#start.authorized.endsAt.getTime();
    if (isOver) this.end({ how: 'terminated', why: 'expired' }, 'your access has ended; session ended.');
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

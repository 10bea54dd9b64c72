import { join } from 'node:path';
import type { AuthorizedSession } from '../../access/authorized-session.ts';
import type { SessionEnding, TerminationReason } from '../../access/session.ts';
import type { SessionReport } from '../../access/session-report.ts';
import type { ChainEnd } from '../../recording/format/chain.ts';
import type { Recorder } from '../../recording/write/recorder.ts';
import { RecordingError } from '../../recording/write/recorder-messages.ts';
import { SessionRecording } from '../../recording/write/session-recording.ts';
import type { UserauthProof } from '../../use-cases/ports/authority.ts';
import {
  DEADLINE_CHECK_MS,
  FAILURE_LINGER_MS,
  FAREWELL_MS,
  PARTING_MS,
  TERMINATED_LINGER_MS,
  WARN_MINUTES,
} from '../limits.ts';
import { connectUpstream, type SessionKey, type Upstream } from '../upstream/connect.ts';
import type { UpstreamError } from '../upstream/failures.ts';
import { EXPIRED, endsIn, extendedUntil, recordingFailed } from '../words/session-words.ts';
import { type GatewayPlace, SessionChannels } from './session-channels.ts';

export type SessionStart = {
  readonly authorized: AuthorizedSession;
  readonly via: 'direct' | 'jump';
  readonly proof: UserauthProof;
  readonly clientAddress: string;
  readonly key: SessionKey;
  readonly targetLoginMs: number;
  readonly spool: string;
  readonly recorder: Recorder;
  readonly gateway: GatewayPlace;
  readonly client: Client;
};

export type SessionEvents = {
  /** The upstream connection stands and the recording accepts; its chain begins with `head`. */
  readonly opened: (head: string) => void;
  /** Both connections are dead; the recording may still be written. */
  readonly cut: () => void;
  readonly closed: (report: SessionReport) => void;
  /** These look on no longer: there is nothing more to see. */
  readonly unwatched: (watches: readonly number[]) => void;
};

/** The client's connection, as far as a session rules it. */
export type Client = {
  /** Tells the client why it has to go. */
  leave(sentence: string): void;
  /** Waits for nobody. `isFinal`: the person is sent away, so that what it has not read and what carried the connection go too. */
  destroy(isFinal: boolean): void;
};

/** Under what, and until when, a session goes on. */
export type Extension = Pick<AuthorizedSession, 'grantId' | 'grantDigest' | 'endsAt'>;

type Failure = { readonly ending: SessionEnding; readonly sentence: string };

const NO_SPACE = new RecordingError({ code: 'ENOSPC', message: 'the disk has reached the limit for recordings' });
const RECORDING_FAILED: SessionEnding = { how: 'failed', why: 'recording_failed' };

/** One authorised connection of a person to one target: the target's connection, the recording, the deadline, and the end. */
export class Session {
  readonly channels: SessionChannels;
  readonly #start: SessionStart;
  readonly #events: SessionEvents;
  readonly #upstream: Upstream;
  readonly #startedAt = new Date();
  #deadline = 0n;
  #endsAt = new Date(0);
  readonly #timer: NodeJS.Timeout;
  /** Minutes before the end at which the person is still to be told. */
  #warnings: readonly number[] = [];
  #recording: Promise<SessionRecording>;
  #failure: Failure | null = null;
  #hasOpened = false;
  #isOver = false;

  constructor(start: SessionStart, events: SessionEvents, connect = connectUpstream) {
    this.#start = start;
    this.#events = events;
    const { authorized } = start;
    const target = { ...authorized, name: authorized.targetId, loginMs: start.targetLoginMs };
    this.#upstream = connect(target, start.key, (error) => this.#upstreamEnded(error));
    this.#recording = this.#beginRecording();
    this.channels = new SessionChannels({
      ...{ authorized, gateway: start.gateway, upstream: this.#upstream },
      openRecorder: async (channel, overrun) => (await this.#recording).channel(channel, overrun),
      recordingFailed: (error) => this.#recordingFailed(error),
      journal: (fact) => {
        this.#recording.then((recording) => recording.journal(fact)).catch(() => {});
      },
      whyOver: () => this.#failure?.sentence ?? null,
    });
    this.#liveUntil(authorized.endsAt);
    this.#timer = setInterval(() => this.#checkDeadline(), DEADLINE_CHECK_MS);
    this.#tellWhenOpen();
  }

  /** Resolves when the recording accepts; rejects where there is none, and the session is over. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  /** Another grant lets it go on until later. */
  extend({ grantId, grantDigest, endsAt }: Extension): void {
    if (this.#isOver || this.#failure || endsAt <= this.#endsAt) return;
    this.#liveUntil(endsAt);
    const fact = { what: 'extended', grant: grantId, digest: grantDigest, until: endsAt.toISOString() };
    this.#recording.then((recording) => recording.journal(fact)).catch(() => {});
    this.channels.notice(extendedUntil(endsAt));
  }

  #liveUntil(endsAt: Date): void {
    const left = Math.max(0, endsAt.getTime() - Date.now());
    this.#endsAt = endsAt;
    this.#deadline = process.hrtime.bigint() + BigInt(Math.ceil(left * 1e6));
    this.#warnings = WARN_MINUTES.filter((minutes) => left > minutes * 60_000);
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.#failure) return void this.end(this.#failure.ending);
    // Who reads a refusal and leaves has waited for nothing, wherever the login at the target stands.
    const isAnswered = this.#hasOpened || this.channels.hasRefused;
    this.end(isAnswered ? { how: 'closed' } : { how: 'failed', why: 'login_abandoned' });
  }

  /**
   * Ends it from this side: the target's connection is destroyed now, the client's as soon as it has read why or a moment has passed.
   */
  terminate(why: TerminationReason, sentence: string): void {
    if (this.#isOver || this.#failure?.ending.how === 'terminated') return;
    this.#failure = { ending: { how: 'terminated', why }, sentence };
    this.#abandon(sentence);
    if (!this.channels.hasListener) this.#start.client.leave(`daypass: ${sentence}`);
    this.#endIn(TERMINATED_LINGER_MS, this.#failure.ending);
  }

  /** Nothing goes on any more; the person gets a last line. */
  #abandon(sentence: string): void {
    this.channels.abandon(sentence);
    this.#upstream.reset();
  }

  /** Waits for nobody: both connections are destroyed. */
  end(ending: SessionEnding): void {
    if (this.#isOver) return;
    this.#start.client.destroy(ending.how !== 'closed');
    this.#over(ending);
  }

  #over(ending: SessionEnding): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#upstream.destroy();
    this.#events.unwatched(this.channels.unwatchAll());
    this.#events.cut();
    void this.#close(ending);
  }

  async #beginRecording(): Promise<SessionRecording> {
    const { authorized, via, proof, clientAddress, spool, recorder } = this.#start;
    const { targetId, targetName, address, port } = authorized;
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    return SessionRecording.begin(
      recorder,
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

  /** What is left of the disk is not for recordings. */
  outOfSpace(): void {
    this.#recordingFailed(NO_SPACE);
  }

  /** Nothing more goes on from this moment; the person gets the time to read why, and no more. */
  #recordingFailed(error: Error): void {
    const ending = this.#failure?.ending;
    // What was ended from here stays ended for that reason: nothing goes on that would have to be recorded.
    if (this.#isOver || ending === RECORDING_FAILED || ending?.how === 'terminated') return;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'fault';
    const sentence = recordingFailed(code);
    this.#failure = { ending: RECORDING_FAILED, sentence };
    this.#abandon(sentence);
    this.#endIn(FAREWELL_MS, RECORDING_FAILED);
  }

  #tellWhenOpen(): void {
    Promise.all([this.#upstream.ready, this.#recording])
      .then(([, recording]) => {
        if (this.#isOver) return;
        this.#hasOpened = true;
        this.#events.opened(recording.head);
      })
      // Each has its own way to tell.
      .catch(() => {});
  }

  #upstreamEnded(error: UpstreamError): void {
    if (this.#failure || this.#isOver) return;
    // Nothing was under way: a target may close an idle connection.
    if (this.#hasOpened && this.channels.isIdle) return void this.#endIn(FAILURE_LINGER_MS, { how: 'closed' });
    const { why, message } = error;
    this.#failure = { ending: { how: 'failed', why }, sentence: message };
    this.channels.fail(message);
    // The client gets the time to read why, or to ask for the channel in which it will.
    this.#endIn(FAILURE_LINGER_MS, this.#failure.ending);
  }

  /** The client is asked to go then; a moment later it is not asked any more. */
  #endIn(ms: number, ending: SessionEnding): void {
    setTimeout(() => {
      if (this.#isOver) return;
      if (this.#failure) this.#start.client.leave(`daypass: ${this.#failure.sentence}`);
      setTimeout(() => this.end(ending), PARTING_MS);
    }, ms);
  }

  /** The monotonic clock and the wall clock: whichever says so first; a jump of either never extends access. */
  #checkDeadline(): void {
    const left = this.#msLeft();
    if (left <= 0) return void this.terminate(EXPIRED.why, EXPIRED.message);
    const [minutes] = this.#warnings;
    if (minutes === undefined || left > minutes * 60_000) return;
    this.#warnings = this.#warnings.slice(1);
    this.channels.notice(endsIn(minutes));
  }

  #msLeft(): number {
    const monotonic = Number(this.#deadline - process.hrtime.bigint()) / 1e6;
    return Math.min(monotonic, this.#endsAt.getTime() - Date.now());
  }

  async #close(ending: SessionEnding): Promise<void> {
    const { records, refusals } = await this.channels.finished();
    let told = ending;
    let recorded: ChainEnd | null = null;
    try {
      const recording = await this.#recording;
      const channels = records.map(({ command: _command, destination: _destination, ...rest }) => rest);
      recorded = await recording.close({ end: new Date(), ending, refusals: refusals.length, channels });
    } catch {
      told = ending.how === 'terminated' ? ending : RECORDING_FAILED;
    }
    const channels = records.map(({ number, ...rest }) => ({ id: number, ...rest }));
    this.#events.closed({ ending: told, refusals, channels, recording: recorded });
  }
}

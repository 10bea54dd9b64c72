import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, Connection, Session as ServerSession } from 'ssh2';
import type { SessionId } from '../access/ids.ts';
import type { Scope } from '../access/scope.ts';
import type { SessionEnding } from '../access/session.ts';
import { type Manifest, writeManifest } from '../recording/manifest.ts';
import type { SessionReport } from '../use-cases/gateway-control.ts';
import type { ChannelPair, FinishedChannel } from './channel.ts';
import type { Answer } from './control-link.ts';
import { destroy } from './guard.ts';
import { CHANNELS_PER_SESSION_MAX, REFUSALS_KEPT_MAX } from './limits.ts';
import type { WireProof } from './proof.ts';
import { type SessionChannelHost, serveSessionChannel } from './session-channel.ts';
import { connectUpstream, type SessionKey, UpstreamError } from './upstream.ts';

export type Granted = Extract<Answer, { kind: 'session' }>['session'];

export type SessionStart = {
  readonly connection: Connection;
  readonly granted: Granted;
  readonly proof: WireProof;
  readonly key: SessionKey;
  readonly via: 'direct' | 'jump';
  readonly clientAddress: string;
  readonly spool: string;
  opened(id: SessionId): void;
  closed(id: SessionId, report: SessionReport): void;
  /** Lets go of what carried the connection: the jump around it. */
  release(): void;
};

const WATCH_MS = 250;
/** How long output may drain to the client after the target has gone. */
const DRAIN_MS = 5_000;

/** One contractor connection to one target, with its channels and its recording. */
export class GatewaySession implements SessionChannelHost {
  readonly id: SessionId;
  readonly scope: Scope;
  readonly connection: Connection;
  readonly upstream: Promise<Client>;
  readonly folder: string;
  readonly title: string;
  readonly #start: SessionStart;
  readonly #attempt: Client;
  readonly #startedAt = new Date();
  readonly #pairs: ChannelPair[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #refusals: string[] = [];
  #channels = 0;
  #ending: SessionEnding | null = null;
  #failure: SessionEnding | null = null;
  #watch: NodeJS.Timeout | null = null;

  /** Creates the recording first: without one there is no session. */
  static async begin(start: SessionStart): Promise<GatewaySession> {
    const folder = join(start.spool, start.granted.id);
    await mkdir(folder, { mode: 0o700 });
    const session = new GatewaySession(start, folder);
    await writeManifest(folder, session.#manifest('live', []));
    return session;
  }

  private constructor(start: SessionStart, folder: string) {
    const { granted } = start;
    this.#start = start;
    this.id = granted.id;
    this.scope = granted.scope;
    this.connection = start.connection;
    this.folder = folder;
    this.title = `${granted.login} on ${granted.targetId}`;
    const { client, ready } = connectUpstream(granted, start.key.key, granted.targetId);
    this.#attempt = client;
    this.upstream = ready;
    ready.then(
      () => start.opened(this.id),
      (error: unknown) => this.#upstreamFailed(error),
    );
    client.once('close', () => void this.#upstreamGone());
    start.connection.once('close', () => void this.end({ how: 'closed' }, null));
    this.#watchClock();
  }

  /** Access ends at `endsAt` by the wall clock, and after the time that was left at the start by the monotonic one. */
  #watchClock(): void {
    const left = this.#start.granted.endsAt - Date.now();
    const begun = process.hrtime.bigint();
    this.#watch = setInterval(() => {
      const elapsed = Number(process.hrtime.bigint() - begun) / 1e6;
      if (elapsed < left && Date.now() < this.#start.granted.endsAt) return;
      const message = 'daypass: ended: your access has run out. Ask for more in Slack.';
      void this.end({ how: 'terminated', why: 'expired' }, message);
    }, WATCH_MS);
  }

  open(session: ServerSession): void {
    this.#channels += 1;
    if (this.#channels > CHANNELS_PER_SESSION_MAX) {
      void this.end(
        { how: 'failed', why: 'protocol' },
        `daypass: more than ${CHANNELS_PER_SESSION_MAX} channels in one session.`,
      );
      return;
    }
    serveSessionChannel(this, this.#channels - 1, session);
  }

  run(pair: ChannelPair): void {
    this.#pairs.push(pair);
    const running = pair.run();
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  refused(sentence: string): void {
    if (this.#refusals.length < REFUSALS_KEPT_MAX) this.#refusals.push(sentence);
  }

  recordingFailed(error: Error): void {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `daypass: ended: the recording cannot be written (${code}), and nothing passes unrecorded. Tell whoever runs Daypass.`;
    void this.end({ how: 'failed', why: 'recording_failed' }, message);
  }

  #upstreamFailed(error: unknown): void {
    const failure = { how: 'failed', why: error instanceof UpstreamError ? error.why : 'target_unreachable' } as const;
    this.#failure = failure;
    // Channels word it for the person, who then leaves; whoever stays is sent away.
    setTimeout(() => void this.end(failure, null), DRAIN_MS).unref();
  }

  async #upstreamGone(): Promise<void> {
    if (this.#ending) return;
    const drained = Promise.all(this.#running);
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
    this.connection.end();
  }

  /** Ends both sides at once, without waiting for either peer, closes the record and reports. Only the first call counts. */
  async end(ending: SessionEnding, message: string | null): Promise<void> {
    if (this.#ending) return;
    this.#ending = ending.how === 'closed' && this.#failure ? this.#failure : ending;
    if (this.#watch) clearInterval(this.#watch);
    if (message) for (const pair of this.#pairs) pair.tell(message);
    for (const pair of this.#pairs) pair.close();
    destroy(this.connection);
    destroy(this.#attempt);
    this.#start.release();
    await this.#report(this.#ending);
  }

  async #report(ending: SessionEnding): Promise<void> {
    const finished: FinishedChannel[] = [];
    let failed: SessionEnding | null = null;
    for (const pair of this.#pairs) {
      try {
        finished.push(await pair.finish());
      } catch {
        failed = { how: 'failed', why: 'recording_failed' };
      }
    }
    const final = ending.how === 'closed' && failed ? failed : ending;
    this.#ending = final;
    try {
      await writeManifest(this.folder, this.#manifest('closed', finished));
    } catch {
      // The first manifest, written at the start, stays; the report below says how it ended.
    }
    const channels = finished.map((each) => each.summary);
    this.#start.closed(this.id, { ending: final, channels, refusals: this.#refusals });
  }

  #manifest(state: Manifest['state'], finished: readonly FinishedChannel[]): Manifest {
    const { granted, proof, via, clientAddress } = this.#start;
    return {
      format: 'daypass-recording-1',
      state,
      session: granted.id,
      grant: granted.grantId,
      digest: granted.grantDigest,
      engagement: granted.engagementId,
      person: granted.personId,
      key: granted.keyFingerprint,
      target: { id: granted.targetId, address: granted.address, port: granted.port },
      login: granted.login,
      via,
      client: clientAddress,
      opening: { signed: proof.signed.toString('base64'), signature: proof.signature.toString('base64') },
      start: this.#startedAt.toISOString(),
      end: state === 'live' ? null : new Date().toISOString(),
      ending: this.#ending,
      refusals: [...this.#refusals],
      channels: finished.map(({ summary: { id: number, ...summary }, record: { cast, content } }) => ({
        number,
        ...summary,
        cast,
        content,
      })),
    };
  }
}

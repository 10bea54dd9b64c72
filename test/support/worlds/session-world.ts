import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import type { AuthorizedSession } from '../../../src/access/authorized-session.ts';
import { SessionId } from '../../../src/access/ids.ts';
import type { SessionEnding } from '../../../src/access/session.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import { Session, type SessionEvents } from '../../../src/gateway/session/session.ts';
import { sessionPolicy } from '../../../src/gateway/session/session-policy.ts';
import { ChannelTable } from '../../../src/gateway/ssh/channel-table.ts';
import { tunnelTo } from '../../../src/gateway/ssh/messages.ts';
import { makeSessionKey } from '../../../src/gateway/upstream/connect.ts';
import { encode, string } from '../../../src/sshwire/bytes.ts';
import { saying } from '../peers/channel-words.ts';
import { type MemoryThread, memoryRecorder } from '../peers/memory-recorder.ts';
import { MemoryTarget } from '../peers/memory-target.ts';
import { MemoryTransport } from '../peers/memory-transport.ts';
import { digest, engagementId, fingerprint, grantId, login, personId, scope, targetId } from '../samples/samples.ts';

/** How long it may go on. */
export const LASTS_MS = 600_000;

const KEY = makeSessionKey();
const authorized = (endsAt: Date, scopeName: string): AuthorizedSession => ({
  ...{ id: SessionId.parse(randomUUID()), grantId: grantId(1), grantDigest: digest(1), engagementId: engagementId(1) },
  ...{ personId: personId(1), keyFingerprint: fingerprint(1), targetId: targetId('web-01'), targetName: 'Web' },
  ...{ address: '192.0.2.1', port: 22, hostKeys: [], algorithms: 'default', login: login('deploy') },
  ...{ scope: scope(scopeName), endsAt, certificate: '' },
});

/** A session between a client and a target, both in memory, with a recorder that has no disk. Time is the test's. */
export class SessionWorld {
  readonly client = new MemoryTransport();
  readonly target = new MemoryTarget();
  readonly thread: MemoryThread;
  readonly session: Session;
  /** What the session told its worker, a line each, in order. */
  readonly told: string[] = [];
  readonly reports: SessionReport[] = [];
  #table: ChannelTable;
  #isGone = false;

  private constructor(recorder: Awaited<ReturnType<typeof memoryRecorder>>, scopeName: string) {
    this.thread = recorder.thread;
    const events: SessionEvents = {
      opened: (head) => void this.told.push(`opened ${head}`),
      cut: () => void this.told.push('cut'),
      unwatched: (watches) => void (watches.length > 0 && this.told.push(`unwatched ${watches}`)),
      closed: (report) => {
        this.told.push('closed');
        this.reports.push(report);
      },
    };
    this.session = new Session(
      {
        authorized: authorized(new Date(Date.now() + LASTS_MS), scopeName),
        ...{ via: 'direct', clientAddress: '192.0.2.7', key: KEY, targetLoginMs: 1_000, spool: '/spool' },
        ...{ proof: { signed: encode(), signature: encode() }, recorder: recorder.recorder },
        gateway: { hosts: [], ports: [] },
        client: {
          leave: (sentence) => this.client.leave(sentence),
          destroy: (isFinal) => {
            if (isFinal) this.client.reset();
            else this.client.destroy();
            // Its connection hears of it in a moment.
            queueMicrotask(() => this.clientGoes());
          },
        },
      },
      events,
      this.target.connect,
    );
    this.session.recorded().catch(() => {});
    const policy = sessionPolicy(this.session.channels, () => this.clientGoes());
    const table = new ChannelTable(this.client.transport, policy, { sessions: 10, tunnels: 10 });
    this.client.hearer = (payload) => table.take(payload);
    this.#table = table;
  }

  /** `prepare` is done to the recorder before anything is asked of it. */
  static async begin(prepare: (thread: MemoryThread) => void = () => {}, scopeName = 'ide'): Promise<SessionWorld> {
    const recorder = await memoryRecorder();
    prepare(recorder.thread);
    const world = new SessionWorld(recorder, scopeName);
    await world.settle();
    return world;
  }

  /** One that stands: the recording accepts, the target has let the gateway in. */
  static async open(): Promise<SessionWorld> {
    const world = await SessionWorld.begin();
    await world.targetLetsIn();
    return world;
  }

  /** The client's connection is gone. */
  clientGoes(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.client.destroy();
    this.#table.over();
    this.session.clientGone();
  }

  async targetLetsIn(): Promise<void> {
    this.target.letsIn();
    await this.settle();
  }

  /** The client opens its channel 0, and asks for a command in it. */
  async asks(command: string): Promise<void> {
    this.client.say(saying.open(0), saying.ask(0, 'exec', string(command)));
    await this.settle();
  }

  /** The same, and the target opens its channel 0 and starts the command there. */
  async runs(command: string): Promise<void> {
    await this.asks(command);
    this.target.wire.say(saying.confirm(0, 0));
    await this.settle();
    this.target.wire.say(saying.success(0));
    await this.settle();
    this.client.taken();
    this.target.wire.taken();
  }

  /** The client opens a tunnel as its channel 0, and the target as its channel 0. */
  async tunnels(): Promise<void> {
    this.client.say(saying.open(0, { type: 'direct-tcpip' }, tunnelTo('localhost', 8080)));
    await this.settle();
    this.target.wire.say(saying.confirm(0, 0));
    await this.settle();
    this.client.taken();
    this.target.wire.taken();
  }

  /** All that follows by itself, without time. */
  async settle(): Promise<void> {
    await vi.advanceTimersByTimeAsync(0);
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  get ending(): SessionEnding | null {
    return this.reports[0]?.ending ?? null;
  }

  /** What the client was told as it was asked to go. */
  get partings(): string[] {
    return this.client.ends.filter((each) => each.startsWith('left: '));
  }
}

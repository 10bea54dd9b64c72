import { setTimeout as sleep } from 'node:timers/promises';
import { type Person, UNSEEN_MS } from '../../access/person.ts';
import type { Log } from '../../log.ts';
import { channelsToRead, peopleToConfirm } from '../../use-cases/people/people-in-doubt.ts';
import { missPerson, seePerson } from '../../use-cases/people/see-person.ts';
import { type Edge, readGroups } from '../edge.ts';
import { SlackUnavailable } from '../workspace/directory.ts';
import { faultOf } from '../workspace/fault.ts';
import { readChannel } from './channel-reading.ts';

/** Slack takes about a hundred of these calls a minute; half of them are left to clicks. */
const PACE = {
  eachMs: 1_200,
  burst: 20,
  roundMs: 10 * 60_000,
  restFirstMs: 2_000,
  restMaxMs: 60_000,
  askAgainMs: UNSEEN_MS + 100,
};
type Pace = typeof PACE;
const URGENT_MAX = 2_000;
const TRIES = 3;

type Watched = Pick<Edge, 'store' | 'clock' | 'random' | 'inventory' | 'directory' | 'web' | 'log'>;
type Reading =
  | { readonly kind: 'person'; readonly userId: string }
  | { readonly kind: 'channel'; readonly channelId: string; readonly left: ReadonlySet<string> }
  | { readonly kind: 'groups' };
type Waiting = { readonly reading: Reading; readonly notBefore: number; readonly tries: number };

const nameOf = (reading: Reading): Readonly<Record<string, string>> => {
  if (reading.kind === 'groups') return { groups: 'all' };
  return reading.kind === 'person' ? { user: reading.userId } : { channel: reading.channelId };
};

/** Merges two readings of one channel, with everybody who left it. */
const joined = (reading: Reading, waiting: Reading | undefined): Reading =>
  reading.kind === 'channel' && waiting?.kind === 'channel'
    ? { ...reading, left: new Set([...waiting.left, ...reading.left]) }
    : reading;

/**
 * Keeps what is known about people up to date. People who were deactivated, are no longer visible, or left an engagement's channel lose
 * access, whether Slack sent an event or it happened while nobody was listening. Readings are paced so that clicks get their share. What
 * Slack refuses for now is read later, from where it stopped.
 */
export class PeopleWatch implements AsyncDisposable {
  readonly #edge: Watched;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #urgent = new Map<string, Waiting>();
  readonly #running: Promise<void>;
  readonly #pace: Pace;
  #round: Reading[] = [];
  #nextRound = 0;
  #tokens: number;
  #refilled = performance.now();
  #wake: () => void = () => {};

  constructor(edge: Watched, pace: Pace = PACE) {
    this.#edge = edge;
    this.#pace = pace;
    this.#tokens = pace.burst;
    this.#log = edge.log.child({ part: 'people' });
    this.#running = this.#run();
  }

  /** Reads an account again if its person is known: strangers in a large workspace cost nothing. */
  async read(userId: string): Promise<void> {
    const known = await this.#edge.store.transaction((tx) => tx.persons.byUserId(userId));
    if (known.length > 0) this.#ask({ kind: 'person', userId });
  }

  /** Reads who is in a channel if it has an engagement. The event itself is not believed: it is only a reason to ask. */
  async readChannel(channelId: string, leftUserId: string | null): Promise<void> {
    const engagements = await this.#edge.store.transaction((tx) => tx.engagements.inChannel(channelId));
    if (engagements.length > 0)
      this.#ask({ kind: 'channel', channelId, left: new Set(leftUserId === null ? [] : [leftUserId]) });
  }

  /** Reads who is in the groups that policy names. */
  readGroups(): void {
    this.#ask({ kind: 'groups' });
  }

  #ask(reading: Reading, notBefore = 0, tries = 0): void {
    const key = Object.values(nameOf(reading)).join('');
    if (!this.#urgent.has(key) && this.#urgent.size >= URGENT_MAX) return;
    this.#urgent.set(key, { reading: joined(reading, this.#urgent.get(key)?.reading), notBefore, tries });
    this.#wake();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const next = this.#nextUrgent() ?? (await this.#nextOfRound());
        if (!next) {
          await this.#pause(this.#idleMs());
          continue;
        }
        await this.#paced();
        if (this.#stop.signal.aborted) return;
        const rest = await this.#take(next, failures);
        failures = rest === null ? 0 : failures + 1;
        if (rest !== null) await this.#pause(rest, false);
      } catch (error) {
        failures += 1;
        this.#log.error({ err: error }, 'people could not be read; trying again');
        await this.#pause(this.#restMs(failures), false);
      }
    }
  }

  #nextUrgent(): Waiting | null {
    const now = performance.now();
    for (const [key, waiting] of this.#urgent) {
      if (waiting.notBefore > now) continue;
      this.#urgent.delete(key);
      return waiting;
    }
    return null;
  }

  async #nextOfRound(): Promise<Waiting | null> {
    if (this.#round.length === 0 && performance.now() >= this.#nextRound) {
      this.#nextRound = performance.now() + this.#pace.roundMs;
      const people = await peopleToConfirm(this.#edge)();
      const channels = await channelsToRead(this.#edge)();
      this.#round = [
        { kind: 'groups' },
        ...channels.map((channelId): Reading => ({ kind: 'channel', channelId, left: new Set() })),
        ...people.flatMap(({ accounts }) => accounts.map(({ userId }): Reading => ({ kind: 'person', userId }))),
      ];
    }
    const reading = this.#round.shift();
    return reading ? { reading, notBefore: 0, tries: 0 } : null;
  }

  /** How long to rest before the next reading; null where Slack answered. */
  async #take({ reading, tries }: Waiting, failures: number): Promise<number | null> {
    try {
      if (reading.kind === 'person') await this.#readPerson(reading.userId);
      else if (reading.kind === 'channel') await this.#readChannel(reading);
      else await readGroups(this.#edge);
      return null;
    } catch (error) {
      const fault = faultOf(error instanceof SlackUnavailable ? error.cause : error);
      const after = fault.kind === 'refused' ? fault.retryAfterSeconds : null;
      this.#log.warn(
        { err: error, ...nameOf(reading), retryAfterSeconds: after },
        'Slack did not answer; asking again later',
      );
      if (after !== null) {
        this.#ask(reading, 0, tries);
        return after * 1_000;
      }
      // One failing reading must not hold up the others: it is tried again in a moment, and then with the next round.
      const rest = this.#restMs(failures + 1);
      const mayChange = fault.kind === 'refused' || fault.kind === 'doubtful';
      if (mayChange && tries + 1 < TRIES) this.#ask(reading, performance.now() + rest, tries + 1);
      // If the app itself is rejected, no other reading will succeed either.
      return mayChange || fault.kind === 'app' ? rest : null;
    }
  }

  async #readPerson(userId: string): Promise<void> {
    const known = await this.#edge.store.transaction((tx) => tx.persons.byUserId(userId));
    if (known.length === 0) return;
    const found = await this.#edge.directory.find(userId);
    // An account of another workspace is somebody else's.
    const isShown = ({ accounts }: Person): boolean =>
      accounts.some((account) => account.userId === userId && account.teamId === found?.account.teamId);
    if (found && known.some(isShown)) await seePerson(this.#edge)(found);
    const missed = known.filter((person) => !isShown(person));
    const outcomes = await Promise.all(missed.map(({ id }) => missPerson(this.#edge)(id)));
    if (outcomes.includes('ask_again'))
      this.#ask({ kind: 'person', userId }, performance.now() + this.#pace.askAgainMs);
  }

  async #readChannel({ channelId, left }: Extract<Reading, { kind: 'channel' }>): Promise<void> {
    const engagements = await this.#edge.store.transaction((tx) => tx.engagements.inChannel(channelId));
    if (engagements.length === 0) return;
    const userIds = await readChannel(this.#edge, channelId, left);
    if (!userIds || left.size > 0) return;
    // A channel that is no longer shared may have been all that its people were seen by.
    const ids = new Set(engagements.flatMap((engagement) => engagement.memberIds));
    const people = await this.#edge.store.transaction((tx) => tx.persons.byIds([...ids]));
    const absent = people.flatMap(({ accounts }) => accounts).filter(({ userId }) => !userIds.has(userId));
    for (const { userId } of absent) this.#ask({ kind: 'person', userId });
  }

  async #paced(): Promise<void> {
    const { eachMs, burst } = this.#pace;
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#refilled) / eachMs);
    this.#refilled = now;
    if (this.#tokens < 1) await this.#pause((1 - this.#tokens) * eachMs, false);
    this.#tokens -= 1;
  }

  #restMs(failures: number): number {
    const { restFirstMs, restMaxMs } = this.#pace;
    return Math.min(restMaxMs, restFirstMs * 2 ** Math.min(failures - 1, 10));
  }

  #idleMs(): number {
    const now = performance.now();
    const times = [this.#nextRound, ...[...this.#urgent.values()].map((waiting) => waiting.notBefore)];
    return Math.max(0, Math.min(...times) - now);
  }

  /** Ends early where something is asked, if it may, and where the watch stops. */
  async #pause(ms: number, mayWake = true): Promise<void> {
    const woken = new AbortController();
    const stop = (): void => woken.abort();
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    if (mayWake) this.#wake = stop;
    if (this.#stop.signal.aborted) stop();
    await sleep(Math.ceil(ms), undefined, { signal: woken.signal }).catch(() => undefined);
    this.#wake = () => {};
    this.#stop.signal.removeEventListener('abort', stop);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

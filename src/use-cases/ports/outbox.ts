import type { Notice, OutboxItem } from '../notice.ts';

export type Outbox = {
  /** False where the message exists already, or an equal notice is waiting. */
  enqueue(notice: Notice, lane: string): Promise<boolean>;
  /** The heads of the lanes that are due: first those of lanes in which somebody waits, then the oldest. */
  due(now: Date, limit: number): Promise<readonly OutboxItem[]>;
  /** Written before Slack is called, so that a crash in between is known afterwards. False where it waits no longer. */
  attempting(id: number, at: Date): Promise<boolean>;
  /** `doubtful` where Slack may have acted all the same. */
  retryAt(id: number, at: Date, error: string, doubtful: boolean): Promise<void>;
  /** The place is refused since `at`, or since it was first written down. */
  hold(id: number, at: Date): Promise<void>;
  delivered(id: number): Promise<void>;
  /** Slack will never take it; kept for operators, and its lane goes on. */
  bury(id: number, error: string): Promise<void>;
  /** Buries a lane's messages that have waited since before then; their keys, oldest first. */
  giveUp(lane: string, before: Date, error: string): Promise<readonly string[]>;
  /** Has a message that was delivered, or given up, posted anew before everything else in its lane. */
  again(notice: Notice, lane: string): Promise<void>;
  /** Whether this message still waits, and an attempt at it may have reached Slack. */
  inDoubt(key: string): Promise<boolean>;
  /** How many wait, in all or in one lane. */
  waiting(lane?: string): Promise<number>;
  /** Deletes what was delivered, or buried, and enqueued before then; returns how many, at most `limit`. */
  forget(status: 'delivered' | 'buried', before: Date, limit: number): Promise<number>;
};

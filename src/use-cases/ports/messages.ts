import type { MessageRef } from '../notice.ts';

export type Messages = {
  put(ref: MessageRef): Promise<void>;
  get(key: string): Promise<MessageRef | null>;
  forget(key: string): Promise<void>;
  /** A channel has another id from now on: messages and engagements in it go along. */
  moveChannel(oldId: string, newId: string, at: Date): Promise<void>;
  /** The id that a channel has today. */
  channelNow(id: string): Promise<string>;
};

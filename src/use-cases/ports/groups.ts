/** Slack user groups that policy names. */
export type Groups = {
  /** Writes down who is in one. `firstSince` is since when they were, where it is read for the first time. */
  save(groupId: string, userIds: readonly string[], at: Date, firstSince: Date): Promise<void>;
  /** The groups that one of these is in, and since when that is known. */
  of(userIds: readonly string[]): Promise<ReadonlyMap<string, Date>>;
};

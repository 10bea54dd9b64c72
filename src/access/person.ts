import { isTooLongAgo } from './age.ts';
import type { Digest, Fingerprint, PersonId } from './ids.ts';
import type { NotActive, RejectionOf } from './rejection.ts';

/** Slack's own identity of an account: team id + user id. Names are never identity. */
export type SlackAccount = {
  readonly teamId: string;
  readonly userId: string;
  readonly enterpriseId: string | null;
};

/** How Slack's `users.info` describes the account towards the workspace that Daypass serves. */
export const STANDINGS = ['member', 'guest', 'external'] as const;
export type Standing = (typeof STANDINGS)[number];

export type Person = {
  readonly id: PersonId;
  readonly accounts: readonly SlackAccount[];
  readonly standing: Standing;
  readonly active: boolean;
  /** When Slack last said that the account is active. */
  readonly confirmedAt: Date;
  /** Since when Slack shows the account no more, as when a channel is no longer shared; null while it does. */
  readonly unseenSince: Date | null;
  /** Since when they are offboarded everywhere: they get nothing until an operator readmits them. */
  readonly offboardedAt: Date | null;
};

/** Why somebody may nothing, however fresh Slack's word of them is: deactivated, or offboarded. */
export function whyShutOut(person: Person | null): RejectionOf<'person_inactive' | 'person_offboarded'> | null {
  if (person?.offboardedAt) return { code: 'person_offboarded', since: person.offboardedAt };
  return person?.active ? null : { code: 'person_inactive' };
}

export const mayAct = (person: Person | null): person is Person => whyShutOut(person) === null;

/**
 * Why somebody may nothing at this moment, or null. Unknown is not active: nobody acts whom Slack does not show, or has not confirmed
 * within `doubtSeconds`.
 */
export function whyNotActive(person: Person | null, now: Date, doubtSeconds: number): NotActive | null {
  const shutOut = whyShutOut(person);
  if (shutOut || !person) return shutOut;
  if (person.unseenSince) return { code: 'person_unseen', since: person.unseenSince };
  return isInDoubt(person, now, doubtSeconds) ? { code: 'person_unconfirmed', since: person.confirmedAt } : null;
}

/** Nobody has confirmed the account for too long: access rests, live sessions with it, until somebody does. */
export const isInDoubt = (person: Pick<Person, 'confirmedAt'>, now: Date, doubtSeconds: number): boolean =>
  isTooLongAgo(person.confirmedAt, now, doubtSeconds * 1000);

/** How long Slack has to have shown an account no more until its access is over: a slip of Slack's costs nobody their work. */
export const UNSEEN_MS = 20_000;

/** A key whose possession was proved; it belongs to one person for good. */
export type RegisteredKey = {
  readonly fingerprint: Fingerprint;
  /** `<type> <base64>` as in an authorized_keys line, without comment. */
  readonly publicKey: string;
  readonly personId: PersonId;
  readonly registeredAt: Date;
  /** Since when it opens nothing any more; null while it is in use. */
  readonly retiredAt: Date | null;
};

/** A one-time code that ties an SSH connection to the person who asked for it. */
export type RegistrationCode = {
  readonly codeDigest: Digest;
  readonly personId: PersonId;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
};

export const REGISTRATION_CODE_MINUTES = 15;
export const REGISTRATION_CODE_MS = REGISTRATION_CODE_MINUTES * 60_000;

/** It is good for as long after it was issued, whatever a clock was set to meanwhile. */
export const isCodeOver = ({ expiresAt }: Pick<RegistrationCode, 'expiresAt'>, now: Date): boolean =>
  isTooLongAgo(new Date(expiresAt.getTime() - REGISTRATION_CODE_MS), now, REGISTRATION_CODE_MS - 1);

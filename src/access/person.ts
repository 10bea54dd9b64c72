import type { Digest, Fingerprint, PersonId } from './ids.ts';

/** Slack's own identity of an account: team id + user id. Names are never identity. */
export type SlackAccount = {
  readonly teamId: string;
  readonly userId: string;
  readonly enterpriseId: string | null;
};

/** How Slack's `users.info` describes the account towards the workspace that Daypass serves. */
export type Standing = 'member' | 'guest' | 'external';

export type Person = {
  readonly id: PersonId;
  readonly accounts: readonly SlackAccount[];
  readonly standing: Standing;
  readonly active: boolean;
};

/** A key whose possession was proved; it belongs to one person for good. */
export type RegisteredKey = {
  readonly fingerprint: Fingerprint;
  /** `<type> <base64>` as in an authorized_keys line, without comment. */
  readonly publicKey: string;
  readonly personId: PersonId;
  readonly registeredAt: Date;
};

/** A one-time code that ties an SSH connection to the person who asked for it. */
export type RegistrationCode = {
  readonly codeDigest: Digest;
  readonly personId: PersonId;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
};

export const REGISTRATION_CODE_MINUTES = 15;

import { SessionId } from '../../../src/access/ids.ts';
import type { RegisteredKey } from '../../../src/access/person.ts';
import { NO_RECORDING, type Session, type SessionEnd } from '../../../src/access/session.ts';
import type { IssuedCertificate } from '../../../src/use-cases/ports/authority.ts';
import type { Store } from '../../../src/use-cases/ports/store.ts';
import {
  digest,
  engagement,
  engagementId,
  fingerprint,
  grant,
  grantId,
  login,
  NOON,
  pending,
  person,
  personId,
  requestId,
  targetId,
} from '../samples/samples.ts';

/** Rows that a store's tests stand on, in the words of samples.ts. */

export const sessionId = (n: number): SessionId =>
  SessionId.parse(`ee000000-0000-4000-8000-${String(n).padStart(12, '0')}`);

export const key = (n: number, owner = 1): RegisteredKey => ({
  fingerprint: fingerprint(n),
  publicKey: `ssh-ed25519 AAAA${n}`,
  personId: personId(owner),
  registeredAt: NOON,
  retiredAt: null,
});

export const session = (n: number, change: Partial<Session> = {}): Session => ({
  id: sessionId(n),
  grantId: grantId(1),
  grantDigest: digest(1),
  engagementId: engagementId(1),
  personId: personId(1),
  targetId: targetId('web-01'),
  login: login('deploy'),
  via: 'jump',
  keyFingerprint: fingerprint(1),
  clientAddress: '127.0.0.1',
  startedAt: NOON,
  ended: null,
  recording: NO_RECORDING,
  ...change,
});

export const sessionEnd = (change: Partial<SessionEnd> = {}): SessionEnd => ({
  at: NOON,
  ending: { how: 'closed' },
  channels: [],
  refusals: [],
  ...change,
});

export const certificate = (n: number): IssuedCertificate => ({
  serial: String(18_446_744_073_709_551_000n + BigInt(n)),
  keyId: `daypass:grant:${n}`,
  fingerprint: fingerprint(1),
  certificate: `ssh-ed25519-cert-v01@openssh.com AAAA${n}`,
  issuedAt: NOON,
});

/** Persons 1 to 4 and their engagement, with requests 1 and 2 and the first one's grant. */
export const insertWorld = (store: Store<'persons' | 'keys' | 'engagements' | 'requests' | 'grants'>): Promise<void> =>
  store.transaction(async (tx) => {
    for (const n of [1, 2, 3, 4]) await tx.persons.insert(person(n), `Person ${n}`);
    await tx.keys.insert(key(1));
    await tx.engagements.insert(engagement());
    await tx.requests.insert(pending());
    await tx.requests.insert(pending({ id: requestId(2) }));
    await tx.grants.insert(grant(1));
  });

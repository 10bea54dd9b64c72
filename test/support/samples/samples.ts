import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant, GrantTerms } from '../../../src/access/grant.ts';
import {
  Digest,
  EngagementId,
  Fingerprint,
  GrantId,
  Login,
  PersonId,
  RequestId,
  TargetId,
} from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import type { PendingRequest } from '../../../src/access/request.ts';
import { BUILT_IN_SCOPES, findScope, type Scope, ScopeName } from '../../../src/access/scopes/scope.ts';
import type { TargetPin } from '../../../src/access/target.ts';

/** Values for tests that differ only where they say so. `n` picks one of many. */

const uuid = (kind: string, n: number): string => `${kind}000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** What ends the sessions of a grant that somebody revoked. */
export const REVOKED = { why: 'revoked', because: 'revoked', by: null, comment: null } as const;

export const personId = (n: number): PersonId => PersonId.parse(uuid('aa', n));
export const engagementId = (n: number): EngagementId => EngagementId.parse(uuid('bb', n));
export const requestId = (n: number): RequestId => RequestId.parse(uuid('cc', n));
export const grantId = (n: number): GrantId => GrantId.parse(uuid('dd', n));
export const digest = (n: number): Digest => Digest.parse(n.toString(16).padStart(64, '0'));
export const fingerprint = (n: number): Fingerprint => Fingerprint.parse(`SHA256:${String(n).padStart(43, 'A')}`);
export const login = (name: string): Login => Login.parse(name);
export const targetId = (name: string): TargetId => TargetId.parse(name);

export const NOON = new Date('2030-05-02T12:00:00Z');
export const later = (seconds: number, from: Date = NOON): Date => new Date(from.getTime() + seconds * 1000);

export function scope(name: string): Scope {
  const found = findScope(BUILT_IN_SCOPES, name);
  if (!found) throw new Error(`no scope ${name}`);
  return found;
}

export const targetPin = (name: string, address = `${name}.internal`): TargetPin => ({
  id: targetId(name),
  address,
  port: 22,
  hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=='],
});

export const person = (n: number, change: Partial<Person> = {}): Person => ({
  id: personId(n),
  accounts: [{ teamId: 'T1', userId: `U${n}`, enterpriseId: null }],
  standing: 'member',
  active: true,
  confirmedAt: NOON,
  unseenSince: null,
  offboardedAt: null,
  ...change,
});

/** Person 1 is the contractor, 2 and 3 review, 4 is the sponsor. */
export const engagement = (change: Partial<Engagement> = {}): Engagement => ({
  id: engagementId(1),
  name: 'Migration',
  vendor: 'Acme',
  channelId: 'C1',
  sponsorId: personId(4),
  memberIds: [personId(1)],
  leftIds: [],
  offboardedIds: [],
  targetIds: [targetId('web-01'), targetId('db-01')],
  scopes: [ScopeName.parse('shell'), ScopeName.parse('files-rw')],
  reviewerIds: [personId(2), personId(3)],
  logins: null,
  firstDay: null,
  lastDay: '2030-12-31',
  timeZone: 'Europe/Berlin',
  hours: null,
  reference: null,
  createdAt: NOON,
  confirmedAt: NOON,
  channelReadAt: NOON,
  labels: [],
  closedAt: null,
  closedBy: null,
  ...change,
});

export const pending = (change: Partial<PendingRequest> = {}): PendingRequest => ({
  id: requestId(1),
  ask: {
    engagementId: engagementId(1),
    personId: personId(1),
    targets: [targetPin('web-01')],
    login: login('deploy'),
    scope: scope('shell'),
    durationSeconds: 3_600,
    reason: 'Move the database',
    ticket: null,
    keyFingerprints: [fingerprint(1)],
  },
  digest: digest(1),
  rule: 'one reviewer approves',
  approvals: 1,
  assurance: 'slack',
  requestedAt: NOON,
  expiresAt: later(86_400),
  reviews: [],
  pledges: [],
  status: 'pending',
  ...change,
});

export const grant = (n: number, terms: Partial<GrantTerms> = {}, end: Grant['end'] = null): Grant => ({
  expiredAt: null,
  id: grantId(n),
  requestId: requestId(n),
  terms: {
    requestDigest: digest(1),
    engagementId: engagementId(1),
    personId: personId(1),
    targets: [targetPin('web-01')],
    login: login('deploy'),
    scope: scope('shell'),
    notBefore: NOON.toISOString(),
    notAfter: later(3_600).toISOString(),
    keyFingerprints: [fingerprint(1)],
    ...terms,
  },
  digest: digest(n),
  mac: 'mac',
  end,
});

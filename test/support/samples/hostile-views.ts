import fc from 'fast-check';
import type { Engagement } from '../../../src/access/engagement.ts';
import { type EngagementChange, termsOf } from '../../../src/access/engagement-change.ts';
import { EngagementChangeId, TargetId } from '../../../src/access/ids.ts';
import { Policy } from '../../../src/access/policy.ts';
import type { AccessRequest } from '../../../src/access/request.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { ChannelKind, type ChannelSummary, Coverage } from '../../../src/access/session.ts';
import type { Target } from '../../../src/access/target.ts';
import type { CardAudience } from '../../../src/slack/messages/review-card.ts';
import type { ChangeView, EngagementView } from '../../../src/use-cases/views/engagement-view.ts';
import type { EndingView, GrantView, RequestView, SessionsView } from '../../../src/use-cases/views/views.ts';
import { certificate, key, session, sessionEnd, sessionId } from '../worlds/world.ts';
import { hostileText } from './hostile-text.ts';
import { digest, engagement, grant, later, NOON, pending, person, personId, targetPin } from './samples.ts';

export const PEOPLE = [1, 2, 3, 4].map(personId);

/** A world in which everything that people or targets can choose is hostile, and everything that can be long is. */
export const worlds = fc.record({
  text: hostileText(),
  other: hostileText(120),
  targets: fc.constantFrom(1, 2, 7, 49, 50),
  idLength: fc.constantFrom(1, 8, 63),
  status: fc.constantFrom('pending', 'approved', 'denied', 'expired', 'withdrawn'),
  audience: fc.constantFrom<CardAudience>('reviewer', 'thread'),
  keys: fc.constantFrom(0, 1, 3, 30),
  sessions: fc.constantFrom(1, 3, 40),
  channels: fc.constantFrom(0, 1, 2, 5, 400),
});
export type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

export const ids = ({ targets, idLength }: World) =>
  Array.from({ length: targets }, (_, n) =>
    TargetId.parse(`${String(n).padStart(2, '0')}`.padEnd(Math.max(2, idLength), 'x')),
  );
export const names = ({ text }: World) => new Map(PEOPLE.map((id) => [id, text] as const));
const pins = (world: World) => ids(world).map((id) => ({ ...targetPin('t', 'a'.repeat(240)), id }));
export const inventory = (world: World) => {
  const targets = ids(world).map(
    (id): Target => ({
      id,
      name: (world.text || 'name').slice(0, 80),
      address: 'a',
      port: 22,
      host_keys: ['k'],
      labels: {},
      logins: [],
    }),
  );
  return {
    targets,
    policy: Policy.parse({ rules: [{ name: 'r', max_duration: 'PT8H' }] }),
    scopes: BUILT_IN_SCOPES,
    find: (id: TargetId) => targets.find((each) => each.id === id) ?? null,
  };
};

export const hostileEngagement = (world: World): Engagement =>
  engagement({ name: world.text.slice(0, 80), vendor: world.text.slice(0, 80), targetIds: ids(world) });

export const engagementView = (world: World): EngagementView => ({
  engagement: { ...hostileEngagement(world), reference: world.text.slice(0, 200) },
  members: [person(1)],
  grants: Array.from({ length: world.sessions }, (_, n) => grant(n + 1, { targets: pins(world) })),
  live: Array.from({ length: world.sessions }, (_, n) => session(n + 1)),
  pending: world.keys,
  names: names(world),
});

export function changeView(world: World): ChangeView {
  const of = hostileEngagement(world);
  const { reviews, status, ...base } = request(world);
  const from = termsOf({ ...of, name: world.other.slice(0, 80) || 'x', targetIds: [] });
  const decidedAt = status === 'pending' ? null : NOON;
  const change: EngagementChange = {
    ...{ id: EngagementChangeId.parse(base.id), engagementId: of.id, proposedBy: personId(1), digest: digest(1) },
    ...{ from, to: termsOf({ ...of, reference: world.text.slice(0, 200), memberIds: PEOPLE, lastDay: '2031-01-01' }) },
    ...{ approvals: 1, proposedAt: NOON, expiresAt: later(86_400), reviews, status, decidedAt },
  };
  return { change, engagement: of, names: names(world) };
}

export function request(world: World): AccessRequest {
  const base = pending({ rule: world.text.slice(0, 80) });
  const ask = {
    ...base.ask,
    targets: pins(world),
    reason: world.other.slice(0, 1_000),
    ticket: world.text.slice(0, 200),
  };
  const verdict = world.status === 'denied' ? ('deny' as const) : ('approve' as const);
  const review = { reviewerId: personId(2), verdict, comment: world.other.slice(0, 1_000), at: NOON };
  const { status } = world;
  if (status === 'pending') return { ...base, ask };
  return {
    ...base,
    ask,
    status,
    decidedAt: NOON,
    reviews: status === 'approved' || status === 'denied' ? [review] : [],
  };
}

export const requestView = (world: World): RequestView => ({
  request: request(world),
  engagement: hostileEngagement(world),
  keys: Array.from({ length: world.keys }, (_, n) => key(n + 1)),
  grant: null,
  extension: world.keys === 1 ? { until: later(600), since: NOON } : null,
  cutShort: world.keys === 1 ? later(60) : null,
  asked: PEOPLE.slice(1, 3),
  comments: Array.from({ length: world.keys % 3 }, (_, n) => ({
    ...{ ordinal: n, by: n % 2 === 0 ? personId(1) : personId(2), text: world.other.slice(0, 1_000), at: NOON },
  })),
  names: names(world),
});

export const grantView = (world: World): GrantView => ({
  ...requestView(world),
  grant: grant(1, { targets: pins(world) }, { how: 'revoked', at: NOON, by: personId(2), comment: world.text }),
  endedBy: { kind: 'operator', account: world.text },
  certificates: [certificate(1)],
  liveSessions: 0,
  heads: { created: { number: 999_999_999, hash: digest(8) }, latest: { number: 1_000_000_000, hash: digest(9) } },
});

/** The same while it is about to end. */
export const endingView = (world: World, change: Partial<EndingView> = {}): EndingView => ({
  ...grantView(world),
  ...{ grant: grant(1, { targets: pins(world) }), endedBy: null },
  ...{ targets: pins(world), goesOnUntil: null, due: 15, noExtension: null },
  ...change,
});

const channel = (world: World, id: number): ChannelSummary => ({
  id,
  kind: ChannelKind.options[id % 4] ?? 'exec',
  command: world.other,
  pty: false,
  bytesFromClient: 12,
  bytesToClient: 5_000_000,
  stdoutSha256: digest(1),
  stderrSha256: digest(2),
  stdinSha256: digest(3),
  coverage: Coverage.options[id % 3] ?? 'full',
  label: id % 5 === 0 ? '' : `${id} ${'x'.repeat(28)}`,
  files: id % 2 === 0 ? null : { read: 1, written: 2, changed: 3, refused: 4, hashed: 5 },
  destination: { host: world.text, port: 443 },
  startedAt: NOON.getTime(),
  endedAt: NOON.getTime() + 1_000,
  exit: { kind: 'signal', name: world.text },
});

export const sessionsView = (world: World): SessionsView => ({
  sessions: Array.from({ length: world.sessions }, (_, n) =>
    session(n + 1, {
      id: sessionId(n).replace(/^ee000000/, (n + 16).toString(16).padStart(8, '0')) as ReturnType<typeof sessionId>,
      clientAddress: world.text,
      ended:
        n % 2 === 0
          ? sessionEnd({
              channels: Array.from({ length: world.channels }, (_, c) => channel(world, c)),
              refusals: Array(30).fill(world.other),
            })
          : null,
    }),
  ),
  engagement: hostileEngagement(world),
  grant: grant(1),
  names: names(world),
});

import type { Actor } from '../../access/audit-event.ts';
import type { AuditHead } from '../../access/audit-head.ts';
import { dueNotice, type EndingMinutes, type WhatEnds, whatEnds } from '../../access/ending-notice.ts';
import { cutShort, type Engagement } from '../../access/engagement.ts';
import { type Extension, extensionOf, type NoExtension, whyNoExtension } from '../../access/extension.ts';
import type { Grant } from '../../access/grant.ts';
import type { GrantId, PersonId, RequestId, SessionId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import type { AccessRequest, RequestComment } from '../../access/request.ts';
import type { Session } from '../../access/session.ts';
import { type Asker, heldToPolicy, shownUnderPolicy, type Today } from '../../access/standing-ask.ts';
import { eligibleReviewers } from '../engagements/eligible-reviewers.ts';
import type { FactParts } from '../engagements/reviewer-facts.ts';
import { enderOf } from '../grants/ending.ts';
import type { IssuedCertificate } from '../ports/authority.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part> };

export type Names = ReadonlyMap<PersonId, string>;

export type RequestView = {
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  readonly keys: readonly RegisteredKey[];
  readonly grant: Grant | null;
  /** What it is more time on, as it was when it was decided, or is while it waits; null where it is for something else. */
  readonly extension: Extension | null;
  /** When access would end if it were approved now, where hours or the engagement cut it short; null where they do not, or it is decided. */
  readonly cutShort: Date | null;
  /** Oldest first. */
  readonly comments: readonly RequestComment[];
  /** Who can decide it at this moment; nobody once it is decided. */
  readonly asked: readonly PersonId[];
  readonly names: Names;
};

type RequestDeps = Deps<'requests' | 'keys' | 'grants' | FactParts> & {
  readonly inventory: Today;
  readonly clock: Clock;
};

/** While it waits, as today's policy wants it reviewed. */
export const viewRequest =
  (deps: RequestDeps) =>
  ({ requestId }: { requestId: RequestId }): Promise<RequestView | null> =>
    deps.store.transaction(async (tx) => {
      const stored = await tx.requests.byId(requestId);
      const engagement = stored && (await tx.engagements.byId(stored.ask.engagementId));
      const requester = stored && (await tx.persons.byId(stored.ask.personId));
      if (!stored || !engagement) return null;
      const now = deps.clock.now();
      const waits = stored.status === 'pending' && requester !== null;
      const request = waits ? shownUnderPolicy(deps.inventory, stored, { requester, engagement }, now) : stored;
      const registered = await tx.keys.ofPerson(request.ask.personId);
      const others = (await tx.grants.ofPerson(request.ask.personId)).filter((each) => each.requestId !== requestId);
      return {
        request,
        engagement,
        keys: registered.filter((key) => request.ask.keyFingerprints.includes(key.fingerprint)),
        grant: await tx.grants.byRequest(requestId),
        extension: extensionOf(request.ask, others, 'decidedAt' in request ? request.decidedAt : now),
        cutShort: waits ? cutShortNow(deps.inventory, request, { requester, engagement }, now) : null,
        comments: await tx.requests.comments(requestId),
        asked: waits ? await eligibleReviewers(tx, deps.inventory.policy, engagement, requester, now) : [],
        names: await namesOf(tx, engagement, [
          request.ask.personId,
          ...request.reviews.map((review) => review.reviewerId),
        ]),
      };
    });

function cutShortNow(
  today: Today,
  request: AccessRequest,
  asker: Asker & { readonly engagement: Engagement },
  now: Date,
): Date | null {
  const held = heldToPolicy(today, request, asker, now);
  return held.ok ? cutShort(asker.engagement, held.value.until, request.ask.durationSeconds, now) : null;
}

export type GrantView = {
  readonly grant: Grant;
  /** Who ended it before its time; null where nobody did. */
  readonly endedBy: Actor | null;
  readonly request: AccessRequest;
  readonly engagement: Engagement;
  /** Downstream ones, one per key of the grant. */
  readonly certificates: readonly IssuedCertificate[];
  readonly keys: readonly RegisteredKey[];
  readonly liveSessions: number;
  /** Of the audit log: where the grant began (null from before there were heads), and where the log is now. */
  readonly heads: { readonly created: AuditHead | null; readonly latest: AuditHead | null };
  readonly names: Names;
};

type GrantParts = 'grants' | 'requests' | 'engagements' | 'keys' | 'sessions' | 'persons' | 'audit';

export const viewGrant =
  (deps: Deps<GrantParts>) =>
  ({ grantId }: { grantId: GrantId }): Promise<GrantView | null> =>
    deps.store.transaction((tx) => grantIn(tx, grantId));

async function grantIn(tx: Tx<GrantParts>, grantId: GrantId): Promise<GrantView | null> {
  const grant = await tx.grants.byId(grantId);
  const request = grant && (await tx.requests.byId(grant.requestId));
  const engagement = grant && (await tx.engagements.byId(grant.terms.engagementId));
  if (!grant || !request || !engagement) return null;
  const downstream = `daypass:${grant.id}:`;
  return {
    grant,
    endedBy: await enderOf(tx, grant),
    request,
    engagement,
    certificates: (await tx.grants.certificates(grantId)).filter((each) => each.keyId.startsWith(downstream)),
    keys: await tx.keys.ofPerson(grant.terms.personId),
    liveSessions: (await tx.sessions.liveOfGrant(grantId)).length,
    heads: { created: await tx.audit.headOfGrant(grantId), latest: await tx.audit.head() },
    names: await namesOf(tx, engagement, [
      grant.terms.personId,
      ...(grant.end?.by ? [grant.end.by] : []),
      ...request.reviews.map((review) => review.reviewerId),
    ]),
  };
}

/** A grant that is about to end. */
export type EndingView = GrantView &
  WhatEnds & {
    /** The notice that its holder should have had by now. */
    readonly due: EndingMinutes | null;
    /** Null where more time can be asked for. */
    readonly noExtension: NoExtension | null;
  };

export const viewEnding =
  (deps: Deps<GrantParts> & { readonly inventory: Today; readonly clock: Clock }) =>
  ({ grantId }: { grantId: GrantId }): Promise<EndingView | null> =>
    deps.store.transaction(async (tx) => {
      const view = await grantIn(tx, grantId);
      const requester = view && (await tx.persons.byId(view.grant.terms.personId));
      if (!view || !requester) return null;
      const { grant, request, engagement } = view;
      const now = deps.clock.now();
      const others = (await tx.grants.ofPerson(requester.id)).filter((each) => each.id !== grantId);
      return {
        ...view,
        ...whatEnds(grant, now, others),
        due: dueNotice(grant, now, others),
        noExtension: whyNoExtension(deps.inventory, { grant, request, engagement, requester }, now),
      };
    });

export type SessionsView = {
  readonly sessions: readonly Session[];
  readonly engagement: Engagement;
  readonly grant: Grant;
  readonly names: Names;
};

/** What is read around sessions to show them. */
type ViewParts = 'engagements' | 'grants' | 'persons';

export const viewBurst =
  (deps: Deps<'sessions' | ViewParts>) =>
  ({ burstId }: { burstId: SessionId }): Promise<SessionsView | null> =>
    deps.store.transaction(async (tx) => {
      const sessions = await tx.sessions.ofBurst(burstId);
      return viewOf(tx, sessions);
    });

export const viewSession =
  (deps: Deps<'sessions' | ViewParts>) =>
  ({ sessionId }: { sessionId: SessionId }): Promise<SessionsView | null> =>
    deps.store.transaction(async (tx) => {
      const session = await tx.sessions.byId(sessionId);
      return viewOf(tx, session ? [session] : []);
    });

async function viewOf(tx: Tx<ViewParts>, sessions: readonly Session[]): Promise<SessionsView | null> {
  const [first] = sessions;
  const engagement = first && (await tx.engagements.byId(first.engagementId));
  const grant = first && (await tx.grants.byId(first.grantId));
  if (!first || !engagement || !grant) return null;
  const enders = sessions.flatMap(({ ended }) => (ended?.ending.how === 'terminated' ? (ended.ending.by ?? []) : []));
  const people = enders.flatMap((by) => (by.kind === 'person' ? by.id : []));
  return { sessions, engagement, grant, names: await namesOf(tx, engagement, [first.personId, ...people]) };
}

const namesOf = (tx: Tx<'persons'>, engagement: Engagement, others: readonly PersonId[]): Promise<Names> =>
  tx.persons.names([...new Set([engagement.sponsorId, ...engagement.reviewerIds, ...engagement.memberIds, ...others])]);

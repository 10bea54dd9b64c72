import { z } from 'zod';
import type { OperatorAccount } from '../access/audit-event.ts';
import {
  type EngagementId,
  type Fingerprint,
  type GrantId,
  OffboardingId,
  type PersonId,
  type RequestId,
  type SessionId,
  type TargetId,
} from '../access/ids.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import type { Target } from '../access/target.ts';
import { confirmGrants } from '../use-cases/grants/confirm-grants.ts';
import { endGrant } from '../use-cases/grants/end-grant.ts';
import { closeEngagement } from '../use-cases/offboarding/close-engagement.ts';
import { offboardPerson } from '../use-cases/offboarding/offboard.ts';
import { readmitPerson } from '../use-cases/offboarding/readmit.ts';
import { retireKey } from '../use-cases/people/retire-key.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Gateways, Watcher } from '../use-cases/ports/gateways.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { RandomSource } from '../use-cases/ports/random.ts';
import type { Store, Tx } from '../use-cases/ports/store.ts';
import { withdrawRequest } from '../use-cases/requests/withdraw-request.ts';
import { endSession } from '../use-cases/sessions/end-session.ts';
import { type ExportFacts, recordExported } from '../use-cases/sessions/record-recording.ts';
import { type Watch, watchSession } from '../use-cases/sessions/watch-session.ts';
import { type EngagementRow, type EngagementShown, listEngagements, showEngagement } from './engagements.ts';
import { type GrantRow, grantRows } from './grants.ts';
import { type KeyRow, keyRows } from './keys.ts';
import { listOffboardings, type OffboardingRow, type OffboardingShown, showOffboarding } from './offboardings.ts';
import { listPeople, type PersonRow, type PersonShown, showPerson } from './people.ts';
import { listRequests, type RequestRow, type RequestShown, showRequest } from './requests.ts';
import { listSessions, type SessionRow, type SessionsAsked } from './sessions.ts';

export const Finding = z.strictObject({ level: z.enum(['ok', 'problem', 'note']), text: z.string() });
export type Finding = z.infer<typeof Finding>;

export const Erased = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), rule: z.string() }),
  z.strictObject({ ok: z.literal(false), why: z.string() }),
]);
export type Erased = z.infer<typeof Erased>;

/** Why grants were suspended; null where they were not. */
export const Lifted = z.strictObject({ lifted: z.string().nullable() });
export type Lifted = z.infer<typeof Lifted>;

export const Reloaded = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), applied: z.array(z.string()), atNextStart: z.array(z.string()) }),
  z.strictObject({ ok: z.literal(false), why: z.string() }),
]);
export type Reloaded = z.infer<typeof Reloaded>;

/** An offboarding that began; null where there was nothing to end. */
export const Begun = z.strictObject({ id: OffboardingId.nullable() });
export type Begun = z.infer<typeof Begun>;

/** With `all`, also what is over; the latest ones first. */
export type ListFilter = { readonly all: boolean; readonly limit: number };

/** What an operator can ask of a control: over its admin socket, or in process where none runs. */
export type Operator = {
  grants(filter: { live: boolean; limit: number }): Promise<readonly GrantRow[]>;
  revoke(id: GrantId, comment: string | null): Promise<Result<{ id: GrantId }>>;
  /** Lets the grants of a restored database count again. */
  confirmGrants(): Promise<Lifted>;
  /** The latest ones first. */
  sessions(filter: SessionsAsked): Promise<readonly SessionRow[]>;
  endSession(id: SessionId): Promise<Result<{ id: SessionId }>>;
  /** Registered keys, the newest first. */
  keys(filter: { limit: number }): Promise<readonly KeyRow[]>;
  retireKey(fingerprint: Fingerprint): Promise<Result<{ fingerprint: Fingerprint }>>;
  /** Those who are called so, by an id or a part of the name; all of them where nobody is named. */
  people(filter: { find: string | null; limit: number }): Promise<readonly PersonRow[]>;
  person(id: PersonId): Promise<PersonShown | null>;
  /** Everywhere, or in the engagement that is named. */
  offboard(person: PersonId, engagement: EngagementId | null, reason: string | null): Promise<Result<Begun>>;
  readmit(person: PersonId, engagement: EngagementId | null): Promise<Result<{ id: PersonId }>>;
  /** The latest ones first. */
  offboardings(filter: { limit: number }): Promise<readonly OffboardingRow[]>;
  offboarding(id: OffboardingId): Promise<OffboardingShown | null>;
  engagements(filter: ListFilter): Promise<readonly EngagementRow[]>;
  engagement(id: EngagementId): Promise<EngagementShown | null>;
  closeEngagement(id: EngagementId, reason: string | null): Promise<Result<Begun>>;
  requests(filter: ListFilter): Promise<readonly RequestRow[]>;
  request(id: RequestId): Promise<RequestShown | null>;
  withdrawRequest(id: RequestId): Promise<Result<{ id: RequestId }>>;
  /** Shows a live session until it is over or the watch is stopped. */
  watch(id: SessionId, watcher: Omit<Watcher, 'isTold'>): Promise<Result<Watch>>;
  /** Makes a recording unreadable for good, under a rule that its note and the audit log name. */
  eraseRecording(id: SessionId, rule: string): Promise<Erased>;
  /** Writes down that a recording was taken out in the clear. */
  noteExport(id: SessionId, facts: ExportFacts): Promise<void>;
  /** Reads targets, policy and Slack settings again; a refusal is a sentence. */
  reload(): Promise<Reloaded>;
  /** The targets that the running control knows; null where none runs. */
  targets(): Promise<readonly Target[] | null>;
  /** Logs in to the target for proof, as each of its logins. */
  check(target: TargetId): Promise<readonly Finding[]>;
};

export type Operators = (by: OperatorAccount) => Operator;

/** What only a control that runs can do. */
export type RunningControl = {
  readonly gateways: Pick<Gateways, 'watch'>;
  readonly inventory: Pick<Inventory, 'targets'>;
  check(target: TargetId): Promise<readonly Finding[]>;
  reload(
    by: OperatorAccount,
  ): Promise<{ readonly applied: readonly string[]; readonly atNextStart: readonly string[] }>;
  erase(id: SessionId, rule: string, by: OperatorAccount): Promise<Erased>;
};

type Deps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly inventory: Pick<Inventory, 'policy'>;
  /** Null where a command serves itself, because no control runs. */
  readonly control: RunningControl | null;
};

/** What an operator can do here; `by` is the account that the audit log has of each deed. */
export const localOperators =
  (deps: Deps): Operators =>
  (by) => {
    const within = <T>(work: (tx: Tx, now: Date) => Promise<T>): Promise<T> =>
      deps.store.transaction((tx) => work(tx, deps.clock.now()));
    const asOperator = { by, isSecurity: false } as const;
    return {
      grants: ({ live, limit }) =>
        within(async (tx, now) =>
          grantRows(tx, await tx.grants.list(live ? { activeAt: now, limit } : { limit }), now),
        ),
      async revoke(grantId, comment) {
        const ended = await endGrant(deps)({ by, grantId, comment, isSecurity: false });
        return ended.ok ? ok({ id: grantId }) : ended;
      },
      confirmGrants: () => confirmGrants(deps)(by),
      sessions: (filter) => within((tx) => listSessions(tx, filter)),
      async endSession(sessionId) {
        const ended = await endSession(deps)({ by, sessionId, isSecurity: false });
        return ended.ok ? ok({ id: sessionId }) : ended;
      },
      keys: ({ limit }) => within(async (tx) => keyRows(tx, await tx.keys.list(limit))),
      async retireKey(fingerprint) {
        const retired = await retireKey(deps)({ by, fingerprint, isSecurity: false });
        return retired.ok ? ok({ fingerprint }) : retired;
      },
      people: (filter) => within((tx, now) => listPeople(tx, filter, now)),
      person: (id) => within((tx, now) => showPerson(tx, id, now)),
      async offboard(personId, engagementId, reason) {
        const begun = await offboardPerson(deps)({ ...asOperator, personId, engagementId, reason });
        return begun.ok ? ok({ id: begun.value.id }) : begun;
      },
      async readmit(personId, engagementId) {
        const readmitted = await readmitPerson(deps)({ by, personId, engagementId });
        return readmitted.ok ? ok({ id: personId }) : readmitted;
      },
      offboardings: ({ limit }) => within((tx) => listOffboardings(tx, limit)),
      offboarding: (id) => within((tx) => showOffboarding(tx, id)),
      engagements: (filter) => within((tx, now) => listEngagements(tx, filter, now)),
      engagement: (id) => within((tx, now) => showEngagement(tx, id, now)),
      async closeEngagement(engagementId, reason) {
        const closed = await closeEngagement(deps)({ ...asOperator, engagementId, reason });
        return closed.ok ? ok({ id: closed.value?.id ?? null }) : closed;
      },
      requests: (filter) => within((tx, now) => listRequests(tx, filter, now)),
      request: (id) => within((tx, now) => showRequest(tx, id, now)),
      async withdrawRequest(requestId) {
        const withdrawn = await withdrawRequest(deps)({ by, requestId });
        return withdrawn.ok ? ok({ id: requestId }) : withdrawn;
      },
      async watch(id, watcher) {
        // Where no control runs, no session lives.
        if (!deps.control) return refuse({ code: 'unknown_session' });
        return watchSession({ ...deps, gateways: deps.control.gateways })(by, id, watcher);
      },
      eraseRecording: async (id, rule) =>
        deps.control
          ? deps.control.erase(id, rule, by)
          : { ok: false, why: 'another command is using the data folder. Try again in a moment.' },
      noteExport: (id, facts) => recordExported(deps)(by, id, facts),
      reload: () => reloaded(deps.control, by),
      targets: async () => deps.control?.inventory.targets ?? null,
      check: async (target) => (deps.control ? deps.control.check(target) : []),
    };
  };

async function reloaded(control: Deps['control'], by: OperatorAccount): Promise<Reloaded> {
  if (!control)
    return {
      ok: false,
      why: 'No control is running here, so there is nothing to reload. The next start reads the files.',
    };
  try {
    const { applied, atNextStart } = await control.reload(by);
    return { ok: true, applied: [...applied], atNextStart: [...atNextStart] };
  } catch (error) {
    // Which file, which path in it, and what is wrong: for the one who wrote it.
    if (error instanceof Error && 'code' in error && error.code === 'config_invalid')
      return { ok: false, why: error.message };
    throw error;
  }
}

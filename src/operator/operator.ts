import { z } from 'zod';
import type { OperatorAccount } from '../access/audit-event.ts';
import { type Grant, hasExpired } from '../access/grant.ts';
import { type EngagementId, Fingerprint, GrantId, type PersonId, SessionId, type TargetId } from '../access/ids.ts';
import { ok, type Result, refuse } from '../access/result.ts';
import { channelCount } from '../access/session.ts';
import type { Target } from '../access/target.ts';
import { confirmGrants } from '../use-cases/grants/confirm-grants.ts';
import { endGrant } from '../use-cases/grants/end-grant.ts';
import { retireKey } from '../use-cases/people/retire-key.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Gateways, Watcher } from '../use-cases/ports/gateways.ts';
import type { Inventory } from '../use-cases/ports/inventory.ts';
import type { Store, Tx } from '../use-cases/ports/store.ts';
import { endSession } from '../use-cases/sessions/end-session.ts';
import { type ExportFacts, recordExported } from '../use-cases/sessions/record-recording.ts';
import { type Watch, watchSession } from '../use-cases/sessions/watch-session.ts';

export const GrantRow = z.strictObject({
  id: GrantId,
  state: z.enum(['live', 'suspended', 'expired', 'revoked', 'returned']),
  person: z.string(),
  engagement: z.string(),
  targets: z.array(z.string()),
  login: z.string(),
  scope: z.string(),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  liveSessions: z.int(),
  digest: z.string(),
});
export type GrantRow = z.infer<typeof GrantRow>;

export const SessionRow = z.strictObject({
  id: SessionId,
  state: z.string(),
  person: z.string(),
  target: z.string(),
  login: z.string(),
  via: z.enum(['direct', 'jump']),
  client: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** Null while it lives: they are counted where it is relayed, and told at its end. */
  channels: z.int().nullable(),
  bytesFromClient: z.int().nullable(),
  bytesToClient: z.int().nullable(),
  grant: GrantId,
});
export type SessionRow = z.infer<typeof SessionRow>;

export const KeyRow = z.strictObject({
  fingerprint: Fingerprint,
  type: z.string(),
  person: z.string(),
  registeredAt: z.iso.datetime(),
  retiredAt: z.iso.datetime().nullable(),
});
export type KeyRow = z.infer<typeof KeyRow>;

export const SessionsAsked = z.strictObject({
  live: z.boolean(),
  limit: z.int().min(1).max(10_001),
  since: z.iso.datetime().optional(),
  /** Only what comes after this session in the list. */
  after: SessionId.optional(),
  /** How the id begins. */
  prefix: z.string().max(36).optional(),
  /** An id of Daypass or Slack, or a part of a name. */
  person: z.string().min(1).max(200).optional(),
  /** An id, or a part of a name. */
  engagement: z.string().min(1).max(200).optional(),
  target: z.string().min(1).max(200).optional(),
});
export type SessionsAsked = z.infer<typeof SessionsAsked>;

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
  /** Null where a command serves itself, because no control runs. */
  readonly control: RunningControl | null;
};

/** What an operator can do here; `by` is the account that the audit log has of each deed. */
export const localOperators =
  (deps: Deps): Operators =>
  (by) => ({
    grants: (filter) => listGrants(deps, filter),
    async revoke(grantId, comment) {
      const ended = await endGrant(deps)({ by, grantId, comment, isSecurity: false });
      return ended.ok ? ok({ id: grantId }) : ended;
    },
    confirmGrants: () => confirmGrants(deps)(by),
    sessions: (filter) => listSessions(deps, filter),
    async endSession(sessionId) {
      const ended = await endSession(deps)({ by, sessionId, isSecurity: false });
      return ended.ok ? ok({ id: sessionId }) : ended;
    },
    keys: ({ limit }) =>
      deps.store.transaction(async (tx) => {
        const keys = await tx.keys.list(limit);
        const names = await tx.persons.names([...new Set(keys.map((key) => key.personId))]);
        return keys.map(({ fingerprint, publicKey, personId, registeredAt, retiredAt }) => ({
          ...{ fingerprint, type: publicKey.split(' ')[0] ?? '', person: names.get(personId) ?? personId },
          ...{ registeredAt: registeredAt.toISOString(), retiredAt: retiredAt?.toISOString() ?? null },
        }));
      }),
    async retireKey(fingerprint) {
      const retired = await retireKey(deps)({ by, fingerprint, isSecurity: false });
      return retired.ok ? ok({ fingerprint }) : retired;
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
  });

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

function listGrants(deps: Deps, { live, limit }: { live: boolean; limit: number }): Promise<GrantRow[]> {
  return deps.store.transaction(async (tx) => {
    const now = deps.clock.now();
    const rows: GrantRow[] = [];
    for (const grant of await tx.grants.list(live ? { activeAt: now, limit } : { limit })) {
      const { terms } = grant;
      rows.push({
        id: grant.id,
        state: stateOf(grant, now),
        person: await tx.persons.name(terms.personId),
        engagement: (await tx.engagements.byId(terms.engagementId))?.name ?? terms.engagementId,
        targets: terms.targets.map((target) => target.id),
        login: terms.login,
        scope: terms.scope.name,
        notBefore: terms.notBefore,
        notAfter: terms.notAfter,
        liveSessions: (await tx.sessions.liveOfGrant(grant.id)).length,
        digest: grant.digest,
      });
    }
    return rows;
  });
}

const isPartOf = (part: string, name: string): boolean => name.toLowerCase().includes(part.toLowerCase());

/** By an id of Daypass or of Slack, else by a part of the name. */
async function peopleCalled(tx: Tx, wanted: string): Promise<PersonId[]> {
  const people = await tx.persons.all();
  const known = people.filter(({ id, accounts }) => id === wanted || accounts.some(({ userId }) => userId === wanted));
  if (known.length > 0) return known.map(({ id }) => id);
  const names = await tx.persons.names(people.map(({ id }) => id));
  return people.map(({ id }) => id).filter((id) => isPartOf(wanted, names.get(id) ?? ''));
}

async function engagementsCalled(tx: Tx, wanted: string): Promise<EngagementId[]> {
  const all = await tx.engagements.all();
  return all.filter(({ id, name }) => id === wanted || isPartOf(wanted, name)).map(({ id }) => id);
}

function stateOf(grant: Grant, now: Date): GrantRow['state'] {
  if (grant.end) return grant.end.how;
  if (hasExpired(grant, now)) return 'expired';
  return grant.suspended ? 'suspended' : 'live';
}

function listSessions(deps: Deps, asked: SessionsAsked): Promise<SessionRow[]> {
  const { live, limit, since, after, prefix, person, engagement, target } = asked;
  return deps.store.transaction(async (tx) => {
    const sessions = await tx.sessions.list({
      ...{ live, limit },
      ...(since !== undefined && { since: new Date(since) }),
      ...(after !== undefined && { after }),
      ...(prefix !== undefined && { prefix }),
      ...(target !== undefined && { targetId: target }),
      ...(person !== undefined && { personIds: await peopleCalled(tx, person) }),
      ...(engagement !== undefined && { engagementIds: await engagementsCalled(tx, engagement) }),
    });
    const names = await tx.persons.names([...new Set(sessions.map((session) => session.personId))]);
    return sessions.map((session) => {
      const channels = session.ended?.channels;
      const ending = session.ended?.ending;
      return {
        id: session.id,
        state: ending ? ('why' in ending ? `${ending.how}: ${ending.why}` : ending.how) : 'live',
        person: names.get(session.personId) ?? session.personId,
        target: session.targetId,
        login: session.login,
        via: session.via,
        client: session.clientAddress,
        startedAt: session.startedAt.toISOString(),
        endedAt: session.ended?.at.toISOString() ?? null,
        channels: channels ? channelCount(channels) : null,
        bytesFromClient: channels?.reduce((sum, channel) => sum + channel.bytesFromClient, 0) ?? null,
        bytesToClient: channels?.reduce((sum, channel) => sum + channel.bytesToClient, 0) ?? null,
        grant: session.grantId,
      };
    });
  });
}

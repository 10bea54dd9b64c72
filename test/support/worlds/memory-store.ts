import type { AuditEvent } from '../../../src/access/audit-event.ts';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import type { GrantId, SessionId } from '../../../src/access/ids.ts';
import type { Person, RegisteredKey, RegistrationCode } from '../../../src/access/person.ts';
import type { RegistryEntry } from '../../../src/access/registry-entry.ts';
import type { AccessRequest } from '../../../src/access/request.ts';
import type { Session } from '../../../src/access/session.ts';
import { eventHash, NO_EVENT } from '../../../src/auditchain/event.ts';
import { StoreFault } from '../../../src/store/fault.ts';
import type { Audit } from '../../../src/use-cases/ports/audit.ts';
import type { IssuedCertificate } from '../../../src/use-cases/ports/authority.ts';
import type { Engagements } from '../../../src/use-cases/ports/engagements.ts';
import type { Grants } from '../../../src/use-cases/ports/grants.ts';
import type { Groups } from '../../../src/use-cases/ports/groups.ts';
import type { Keys } from '../../../src/use-cases/ports/keys.ts';
import type { Outbox } from '../../../src/use-cases/ports/outbox.ts';
import type { Persons } from '../../../src/use-cases/ports/persons.ts';
import type { Requests } from '../../../src/use-cases/ports/requests.ts';
import type { Sessions } from '../../../src/use-cases/ports/sessions.ts';
import type { Change, Store, Tx } from '../../../src/use-cases/ports/store.ts';

/** What the use-cases that a gateway asks of control touch. */
export type GatewayParts =
  | 'persons'
  | 'keys'
  | 'engagements'
  | 'groups'
  | 'requests'
  | 'grants'
  | 'sessions'
  | 'audit'
  | 'outbox'
  | 'announce'
  | 'broken';

/**
 * A store for the gateway's use-cases that is there at once, and whose rows a test may exchange behind control's back. It has what
 * those use-cases ask of a store and no more; test/integration/store/gateway-parts.test.ts holds it to what the real one does.
 */
export class MemoryStore implements Store<GatewayParts> {
  readonly persons: Person[] = [];
  readonly keys: RegisteredKey[] = [];
  readonly codes: RegistrationCode[] = [];
  readonly engagements: Engagement[] = [];
  readonly requests: AccessRequest[] = [];
  readonly grants: Grant[] = [];
  readonly certificates: (IssuedCertificate & { readonly grantId: GrantId | null })[] = [];
  readonly sessions: Session[] = [];
  readonly bursts = new Map<SessionId, SessionId>();
  readonly accepted = new Set<string>();
  readonly audit: AuditEvent[] = [];
  readonly messages = new Set<string>();
  readonly #listeners = new Set<(change: Change) => void>();
  #last: Promise<unknown> = Promise.resolve();

  /** One after the other, as where each locks what it reads. */
  transaction<T>(work: (tx: Tx<GatewayParts>) => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#run(work));
    this.#last = done.catch(() => {});
    return done;
  }

  async #run<T>(work: (tx: Tx<GatewayParts>) => Promise<T>): Promise<T> {
    const writes = new Writes();
    const changes: Change[] = [];
    try {
      const value = await work(txOn(this, writes, (change) => void changes.push(change)));
      for (const change of changes) this.publish(change);
      return value;
    } catch (error) {
      writes.takeBack();
      throw error;
    }
  }

  publish(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** What a transaction has written by now. */
class Writes {
  readonly #undo: (() => void)[] = [];

  insert<Row>(rows: Row[], row: Row, isSame: (other: Row) => boolean): void {
    if (rows.some(isSame)) throw new StoreFault('unique_violation', 'there is such a row already');
    rows.push(row);
    this.#undo.push(() => rows.splice(rows.indexOf(row), 1));
  }

  change<Row>(rows: Row[], isIt: (row: Row) => boolean, to: (row: Row) => Row): Row {
    const at = rows.findIndex(isIt);
    const before = rows[at];
    if (before === undefined) throw new StoreFault('missing_row', 'there is no row to change');
    const after = to(before);
    rows[at] = after;
    this.#undo.push(() => rows.splice(rows.indexOf(after), 1, before));
    return after;
  }

  /** False where it is there already. */
  add(values: Set<string>, value: string): boolean {
    if (values.has(value)) return false;
    values.add(value);
    this.#undo.push(() => values.delete(value));
    return true;
  }

  delete(values: Set<string>, value: string): void {
    if (values.delete(value)) this.#undo.push(() => values.add(value));
  }

  takeBack(): void {
    for (const back of this.#undo.reverse()) back();
  }
}

type Announce = (change: Change) => void;

const txOn = (store: MemoryStore, writes: Writes, announce: Announce): Tx<GatewayParts> => ({
  persons: persons(store, writes),
  keys: keys(store, writes, (entry) => announce({ kind: 'registry_changed', entry })),
  engagements: engagements(store, writes),
  groups: only<Groups>({}),
  requests: requests(store, writes),
  grants: grants(store, writes),
  sessions: sessions(store, writes),
  audit: audit(store, writes),
  outbox: outbox(store, writes, () => announce({ kind: 'outbox' })),
  announce,
  broken: () => null,
});

/** A use-case that comes to need more says so by its name. */
const only = <Port extends object>(some: Partial<Port>): Port =>
  new Proxy(some, {
    get(port, name) {
      const method: unknown = Reflect.get(port, name);
      if (method === undefined) throw new Error(`the store in memory has no ${String(name)}`);
      return method;
    },
  }) as Port;

const persons = (store: MemoryStore, writes: Writes): Persons => {
  const byId: Persons['byId'] = async (id) => store.persons.find((each) => each.id === id) ?? null;
  return only<Persons>({
    byId,
    lock: byId,
    async insert(person) {
      writes.insert(store.persons, person, ({ id }) => id === person.id);
      return true;
    },
  });
};

const keys = (store: MemoryStore, writes: Writes, changed: (entry: RegistryEntry) => void): Keys => {
  const entryOf = ({ codeDigest, expiresAt, usedAt }: RegistrationCode): RegistryEntry => ({
    ...{ kind: 'code', digest: codeDigest, until: usedAt ? 0 : expiresAt.getTime() },
  });
  const keyEntryOf = ({ fingerprint, retiredAt }: RegisteredKey): RegistryEntry => ({
    ...{ kind: 'key', fingerprint, isRetired: retiredAt !== null },
  });
  return only<Keys>({
    byFingerprint: async (fingerprint) => store.keys.find((each) => each.fingerprint === fingerprint) ?? null,
    async insert(key) {
      const row = { ...key, retiredAt: null };
      writes.insert(store.keys, row, ({ fingerprint }) => fingerprint === key.fingerprint);
      changed(keyEntryOf(row));
    },
    async insertCode(code) {
      writes.insert(store.codes, code, ({ codeDigest }) => codeDigest === code.codeDigest);
      changed(entryOf(code));
    },
    lockCode: async (digest) => store.codes.find((each) => each.codeDigest === digest) ?? null,
    async useCode(digest, usedAt) {
      const isIt = (code: RegistrationCode): boolean => code.codeDigest === digest && code.usedAt === null;
      changed(entryOf(writes.change(store.codes, isIt, (code) => ({ ...code, usedAt }))));
    },
    async registry(max) {
      const newest = <Row>(rows: readonly Row[], at: (row: Row) => Date, most: number): Row[] =>
        rows.toSorted((a, b) => at(b).getTime() - at(a).getTime()).slice(0, most);
      const registered = newest(store.keys, (key) => key.registeredAt, max.keys);
      const issued = newest(store.codes, (code) => code.expiresAt, max.codes);
      return [...registered.reverse().map(keyEntryOf), ...issued.reverse().map(entryOf)];
    },
  });
};

const engagements = (store: MemoryStore, writes: Writes): Engagements =>
  only<Engagements>({
    byId: async (id) => store.engagements.find((each) => each.id === id) ?? null,
    byIds: async (ids) => store.engagements.filter((each) => ids.includes(each.id)),
    all: async () => store.engagements,
    ofMember: async (id) => store.engagements.filter((each) => each.memberIds.includes(id)),
    insert: async (engagement) => writes.insert(store.engagements, engagement, ({ id }) => id === engagement.id),
  });

const requests = (store: MemoryStore, writes: Writes): Requests =>
  only<Requests>({
    pledgedBy: async (id) => store.requests.filter((each) => each.pledges.some((pledge) => pledge.reviewerId === id)),
    pendingOf: async (id) => store.requests.filter((each) => each.ask.personId === id && each.status === 'pending'),
    insert: async (request) => writes.insert(store.requests, request, ({ id }) => id === request.id),
  });

const grants = (store: MemoryStore, writes: Writes): Grants => {
  const byId: Grants['byId'] = async (id) => store.grants.find((each) => each.id === id) ?? null;
  const inOrder = (a: Grant, b: Grant): number =>
    Date.parse(a.terms.notBefore) - Date.parse(b.terms.notBefore) || (a.id < b.id ? -1 : 1);
  return only<Grants>({
    byId,
    lock: byId,
    ofPerson: async (id) => store.grants.filter(({ terms }) => terms.personId === id).sort(inOrder),
    insert: async (grant) => writes.insert(store.grants, grant, ({ id }) => id === grant.id),
    async end(id, end) {
      const isIt = (grant: Grant): boolean => grant.id === id && grant.end === null;
      writes.change(store.grants, isIt, (grant) => ({ ...grant, end }));
    },
    async insertCertificate(grantId, issued) {
      writes.insert(store.certificates, { ...issued, grantId }, ({ serial }) => serial === issued.serial);
    },
    certificates: async (id) =>
      store.certificates
        .filter(({ grantId }) => grantId === id)
        .sort((a, b) => a.issuedAt.getTime() - b.issuedAt.getTime() || (BigInt(a.serial) < BigInt(b.serial) ? -1 : 1))
        .map(({ grantId: _grantId, ...certificate }) => certificate),
  });
};

const sessions = (store: MemoryStore, writes: Writes): Sessions => {
  const byId: Sessions['byId'] = async (id) => store.sessions.find((each) => each.id === id) ?? null;
  const inOrder = (a: Session, b: Session): number =>
    a.startedAt.getTime() - b.startedAt.getTime() || (a.id < b.id ? -1 : 1);
  return only<Sessions>({
    byId,
    lock: byId,
    async insert(session, burstId) {
      writes.insert(store.sessions, session, ({ id }) => id === session.id);
      store.bursts.set(session.id, burstId);
    },
    async end(id, ended) {
      const isIt = (session: Session): boolean => session.id === id && session.ended === null;
      writes.change(store.sessions, isIt, (session) => ({ ...session, ended }));
    },
    async markRecording(id, marks) {
      const isIt = (session: Session): boolean => session.id === id;
      const marked = (session: Session): Session => ({ ...session, recording: { ...session.recording, ...marks } });
      writes.change(store.sessions, isIt, marked);
    },
    async openBurst(grantId, targetId, since) {
      const first = store.sessions
        .filter((each) => store.bursts.get(each.id) === each.id && each.grantId === grantId)
        .filter((each) => each.targetId === targetId && each.startedAt > since)
        .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.id < b.id ? -1 : 1))[0];
      return first?.id ?? null;
    },
    burstOf: async (id) => store.bursts.get(id) ?? null,
    liveOfGrant: async (id) =>
      store.sessions.filter((each) => each.grantId === id && each.ended === null).sort(inOrder),
    acceptSshSessionId: async (id) => writes.add(store.accepted, id),
    releaseSshSessionId: async (id) => writes.delete(store.accepted, id),
  });
};

const audit = (store: MemoryStore, writes: Writes): Audit =>
  only<Audit>({
    append: async (event) => writes.insert(store.audit, event, () => false),
    async enderOf(what, id) {
      const types: readonly string[] = what === 'grant' ? ['grant_revoked', 'grant_returned'] : ['session_terminated'];
      return store.audit.findLast(({ type, facts }) => types.includes(type) && facts[what] === id)?.actor ?? null;
    },
    async head() {
      let hash = NO_EVENT;
      for (const [index, { at, ...event }] of store.audit.entries())
        hash = eventHash({ ...event, id: index + 1, at: at.toISOString() }, hash);
      return store.audit.length === 0 ? null : { number: store.audit.length, hash };
    },
  });

/** Nothing is delivered: what was written once waits. */
const outbox = (store: MemoryStore, writes: Writes, added: () => void): Outbox =>
  only<Outbox>({
    async enqueue(notice, lane) {
      const isNew = writes.add(store.messages, JSON.stringify([lane, notice]));
      if (isNew) added();
      return isNew;
    },
  });

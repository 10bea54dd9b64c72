import type { Actor, AuditEvent } from '../../../src/access/audit-event.ts';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import type { SessionId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import type { Session } from '../../../src/access/session.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import type { Change } from '../../../src/use-cases/ports/store.ts';
import { AccessWorld } from './access-world.ts';
import { openTestStore, type TestStore } from './store.ts';
import { session, sessionId } from './world.ts';

/** What a use-case left behind, apart from rows: audit events, and messages with the lane that they wait in. */
export type Traces = {
  readonly events: readonly Pick<AuditEvent, 'type' | 'actor' | 'facts'>[];
  readonly notices: readonly (readonly [lane: string, notice: object])[];
};

/** The root message is brought up to date with nearly everything; which use-cases do that has a test of its own. */
const isUpdate = (notice: unknown): boolean => (notice as { kind: string }).kind === 'engagement_updated';

/** People, their engagement and a clock that stands still, and what happened in there since somebody looked last. */
export class GrantedWorld implements AsyncDisposable {
  now = new Date('2030-05-02T12:00:00Z');
  contractor!: Person;
  reviewer!: Person;
  sponsor!: Person;
  stranger!: Person;
  engagement!: Engagement;
  readonly store: TestStore;
  readonly access: AccessWorld;
  readonly changes: Change[] = [];
  #eventsSeen = 0;
  #noticesSeen = 0;

  static async open(...targets: readonly string[]): Promise<GrantedWorld> {
    const world = new GrantedWorld(await openTestStore('postgres'));
    await world.#fill(targets.length > 0 ? targets : ['web-01', 'db-01']);
    return world;
  }

  private constructor(store: TestStore) {
    this.store = store;
    this.access = AccessWorld.over(store, { now: () => this.now });
  }

  async #fill(targets: readonly string[]): Promise<void> {
    const { access } = this;
    access.addTargets(...targets);
    this.contractor = await access.person('UCON', 'guest');
    this.reviewer = await access.person('UREVIEW');
    this.sponsor = await access.person(access.slack.sponsor);
    this.stranger = await access.person('USTRANGER');
    this.engagement = await access.engagement([this.contractor], [this.reviewer]);
    await access.registered(this.contractor);
    this.store.subscribe((change) => {
      if (change.kind !== 'outbox') this.changes.push(change);
    });
  }

  get deps() {
    return this.access.deps;
  }

  later(seconds: number): Date {
    return new Date(this.now.getTime() + seconds * 1_000);
  }

  grant(ask: Parameters<AccessWorld['grant']>[3] = {}, engagement = this.engagement): Promise<Grant> {
    return this.access.grant(this.contractor, this.reviewer, engagement, ask);
  }

  /** A live session under a grant, as if a worker carried it. */
  async session(n: number, grant: Grant, change: Partial<Session> = {}): Promise<SessionId> {
    const { id: grantId, digest: grantDigest, terms } = grant;
    const { engagementId, personId, login } = terms;
    const [keyFingerprint = session(n).keyFingerprint] = terms.keyFingerprints;
    const id = sessionId(n);
    const begun = { id, grantId, grantDigest, engagementId, personId, login, keyFingerprint, startedAt: this.now };
    await this.store.transaction((tx) => tx.sessions.insert(session(n, { ...begun, ended: null, ...change }), id));
    return id;
  }

  /** What Slack says of one of its people from now on. */
  async seen(
    { accounts: [account] }: Person,
    profile: { standing?: Person['standing']; active: boolean },
  ): Promise<void> {
    if (!account) throw new Error('somebody without an account');
    await seePerson(this.deps)({ account, profile: { name: null, standing: null, ...profile } });
  }

  dm(person: Person): string {
    return `dm:${person.id}`;
  }

  get thread(): string {
    return `thread:${this.engagement.id}`;
  }

  /** Since it was asked last. */
  async traces(): Promise<Traces> {
    const events = await this.store.transaction((tx) => tx.audit.after(this.#eventsSeen, 1_000));
    const rows = await this.store.sql('select id::int as id, lane, notice from outbox where id > $1 order by id', [
      this.#noticesSeen,
    ]);
    this.#eventsSeen = events.at(-1)?.id ?? this.#eventsSeen;
    this.#noticesSeen = Number(rows.at(-1)?.['id'] ?? this.#noticesSeen);
    return {
      events: events.map(({ type, actor, facts }) => ({ type, actor, facts })),
      notices: rows
        .filter(({ notice }) => !isUpdate(notice))
        .map(({ lane, notice }) => [String(lane), notice as object]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.access[Symbol.asyncDispose]();
  }
}

export const actorOfPerson = ({ id }: Person): Actor => ({ kind: 'person', id });
export const DAYPASS: Actor = { kind: 'daypass' };

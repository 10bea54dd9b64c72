import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../../src/access/audit-event.ts';
import type { GrantEnd } from '../../../../src/access/grant.ts';
import type { Session, SessionEnding } from '../../../../src/access/session.ts';
import { grantAnnounced, grantEnded } from '../../../../src/slack/messages/grant-messages.ts';
import { grantIssuedTooLate, grantOver, grantRevoked } from '../../../../src/slack/messages/over-messages.ts';
import { grantIssued } from '../../../../src/slack/messages/personal-messages.ts';
import { sessionDetail, sessionLine } from '../../../../src/slack/messages/session-messages.ts';
import type { GrantView } from '../../../../src/use-cases/views/views.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { engagement, grant, later, NOON, pending, personId } from '../../../support/samples/samples.ts';
import { session, sessionEnd } from '../../../support/worlds/world.ts';

const CASEY = grant(1).terms.personId;
const MORGAN = personId(2);
const names = new Map([
  [CASEY, 'Casey Lind'],
  [MORGAN, 'Morgan Reyes'],
]);
const ROOT: Actor = { kind: 'operator', account: 'root' };
const DAYPASS: Actor = { kind: 'daypass' };

const granted = (end: Omit<GrantEnd, 'at'> | null, endedBy: Actor | null): GrantView => ({
  grant: grant(1, {}, end && { ...end, at: NOON }),
  endedBy,
  request: pending({}),
  engagement: engagement(),
  certificates: [],
  keys: [],
  liveSessions: 0,
  heads: { created: null, latest: { number: 1_042, hash: 'ab'.repeat(32) } },
  names,
});
const revoked = (comment: string | null) => ({ how: 'revoked', by: null, comment }) as const;

const GATEWAY = { host: 'ssh.example.com', port: 2222, hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', site: 'acme' };

describe('an access', () => {
  it('can be prolonged and handed back where it is brought, and that is asked once more', () => {
    const elements = grantIssued(granted(null, null), GATEWAY).blocks.flatMap((block) =>
      block.type === 'actions' ? block.elements : [],
    );
    expect(elements).toMatchObject([
      { action_id: `extend_grant:${grant(1).id}`, text: { text: 'Extend' } },
      {
        ...{ action_id: `end_grant:${grant(1).id}`, text: { text: 'I’m done' } },
        confirm: { title: { text: 'Hand this access back?' }, confirm: { text: 'Hand back' } },
      },
      { text: { text: 'Other ways in' } },
      { text: { text: 'My access' } },
    ]);
  });

  it('is announced with a button to prolong it, as long as it lives', () => {
    const extend = (view: GrantView, now = NOON) => JSON.stringify(grantAnnounced(view, now)).includes('extend_grant');
    expect(extend(granted(null, null))).toBe(true);
    expect(extend(granted(null, null), later(3_600))).toBe(false);
    expect(extend(granted(revoked(null), ROOT))).toBe(false);
  });
});

describe('the end of an access', () => {
  it.each([
    ['it expired', granted(null, null), /: it expired 20/, /; it expired 20/],
    [
      'its holder handed it back',
      granted({ how: 'returned', by: CASEY, comment: null }, { kind: 'person', id: CASEY }),
      /: you handed it back 20/,
      /; handed back by Casey Lind, /,
    ],
    [
      'a reviewer revoked it',
      granted({ how: 'revoked', by: MORGAN, comment: null }, { kind: 'person', id: MORGAN }),
      /: revoked by Morgan Reyes, /,
      /; revoked by Morgan Reyes, /,
    ],
    [
      'an operator revoked it',
      granted(revoked(null), ROOT),
      /: revoked by an operator \(root\), /,
      /; revoked by an operator \(root\), /,
    ],
    [
      'an operator of an earlier version revoked it',
      granted(revoked(null), { kind: 'operator', account: '' }),
      /: revoked by an operator, /,
      /; revoked by an operator, /,
    ],
    [
      'Daypass did, for its reason',
      granted(revoked('the Slack account was deactivated'), DAYPASS),
      /: revoked by Daypass \(the Slack account was deactivated\), /,
      /; revoked by Daypass \(the Slack account was deactivated\), /,
    ],
  ])('says who: %s', (_, view, toHolder, toThread) => {
    expect(grantOver(view).text).toMatch(toHolder);
    expect(grantIssuedTooLate(view).text).toMatch(toHolder);
    expect(grantEnded(view).text).toMatch(toThread);
    for (const message of [grantOver(view), grantIssuedTooLate(view)]) {
      checkMessage(message);
      expect(JSON.stringify(message.blocks)).toContain('Request again');
      expect(JSON.stringify(message.blocks)).not.toContain('ssh ');
    }
  });

  it('shows the thread where the audit log was, as `verify audit --head` reads it, and its holder nothing of it', () => {
    const view = granted(null, null);
    expect(checkMessage(grantEnded(view)).at(-1)).toBe('Audit log at `1042:abababababab`');
    expect(JSON.stringify([grantOver(view), grantIssuedTooLate(view)])).not.toContain('abababab');
    const unknown = { ...view, heads: { created: null, latest: null } };
    expect(JSON.stringify(grantEnded(unknown))).not.toContain('Audit log');
    expect(JSON.stringify(grantAnnounced(view, NOON))).not.toContain('Audit log');
    const head = { number: 977, hash: 'cd'.repeat(32) };
    const announced = grantAnnounced({ ...view, heads: { created: head, latest: null } }, NOON);
    expect(checkMessage(announced).at(-1)).toBe('Audit log at `977:cdcdcdcdcdcd`');
  });

  it('brings what was remarked to its holder, and not to the thread', () => {
    const view = granted({ how: 'revoked', by: MORGAN, comment: 'wrong server' }, { kind: 'person', id: MORGAN });
    expect(checkMessage(grantRevoked(view)).join('\n')).toMatch(/wrong server/);
    expect(checkMessage(grantEnded(view)).join('\n')).not.toMatch(/wrong server/);
    expect(grantRevoked(view).text).toMatch(/^Your access was ended: revoked by Morgan Reyes, /);
  });
});

const one = (ending: SessionEnding, change: Partial<Session> = {}): Session =>
  session(1, { personId: CASEY, startedAt: NOON, ended: { ...sessionEnd({}), ending, at: later(3) }, ...change });
const view = (...sessions: Session[]) => ({ sessions, engagement: engagement(), grant: grant(1), names });
const byWhom = (by?: Actor) =>
  ({ how: 'terminated', why: 'ended_by_reviewer', ...(by && { by }) }) as const satisfies SessionEnding;

describe('the end of a session', () => {
  it.each([
    ['its own person', byWhom({ kind: 'person', id: CASEY }), 'Session ended by Casey Lind'],
    ['a reviewer', byWhom({ kind: 'person', id: MORGAN }), 'Session ended by Morgan Reyes'],
    ['an operator', byWhom(ROOT), 'Session ended by an operator (root)'],
    ['nobody whom an earlier version wrote down', byWhom(), 'Session terminated (somebody ended it)'],
  ])('says who: %s', (_, ending, said) => {
    expect(sessionLine(view(one(ending))).text).toMatch(said);
    expect(sessionDetail(view(one(ending))).text).toMatch(said);
    expect(checkMessage(sessionLine(view(one(ending), session(2)))).join('\n')).toContain(said);
  });

  it('of several is told by what happened, without ids or digests', () => {
    const lines = checkMessage(sessionLine(view(one({ how: 'closed' }), one({ how: 'closed' })))).join('\n');
    expect(lines).toContain('12:00 UTC · ');
    expect(lines).not.toMatch(/[0-9a-f]{8}/);
    expect(lines).not.toContain('Session ended after');
  });

  it('tells security how to read what was recorded, in commands that run', () => {
    const recording = { headAtStart: null, headAtEnd: null, state: 'closed' } as const;
    const lines = (change: Partial<Session>) =>
      checkMessage(sessionDetail(view(one({ how: 'closed' }, change)))).join('\n');
    expect(lines({ recording })).toMatch(
      /To replay it, run `daypass recordings export [0-9a-f]{8} --identity &lt;age identity&gt;`, then `asciinema play &lt;file&gt;`/,
    );
    expect(lines({ recording: { ...recording, state: null } })).not.toContain('recordings export');
  });
});

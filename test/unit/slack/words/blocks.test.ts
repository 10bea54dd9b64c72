import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPACE_LEVELS } from '../../../../src/access/disk-space.ts';
import { OffboardingId, PersonId } from '../../../../src/access/ids.ts';
import type { Offboarding } from '../../../../src/access/offboarding.ts';
import { BUILT_IN_SCOPES } from '../../../../src/access/scopes/scope.ts';
import { say } from '../../../../src/slack/conversations/answer.ts';
import { helpAnswer } from '../../../../src/slack/conversations/help.ts';
import { governedBlocks } from '../../../../src/slack/conversations/home.ts';
import { listBlocks } from '../../../../src/slack/conversations/list.ts';
import { changeCard } from '../../../../src/slack/messages/change-card.ts';
import { requestCommented } from '../../../../src/slack/messages/comments.ts';
import { configurationMended, configurationRefused } from '../../../../src/slack/messages/configuration-messages.ts';
import { deliveryMessage } from '../../../../src/slack/messages/delivery-message.ts';
import { grantEnding, grantEndingLine } from '../../../../src/slack/messages/ending-messages.ts';
import { engagementConfirmCard, engagementMessage } from '../../../../src/slack/messages/engagement-message.ts';
import { freeSpaceMessage } from '../../../../src/slack/messages/free-space-message.ts';
import { grantAnnounced, grantEnded, hostKeyMismatch } from '../../../../src/slack/messages/grant-messages.ts';
import {
  offboardingCard,
  offboardingDone,
  offboardingLine,
  offboardingResult,
  personReadmittedMessage,
} from '../../../../src/slack/messages/offboarding-messages.ts';
import { grantIssuedTooLate, grantOver, grantRevoked } from '../../../../src/slack/messages/over-messages.ts';
import {
  channelReadAgainMessage,
  channelRefusedMessage,
  channelsInDoubtMessage,
  peopleInDoubtMessage,
  personGoneMessage,
  reviewerKeyMessage,
} from '../../../../src/slack/messages/people-messages.ts';
import {
  grantFiles,
  grantIssued,
  keyRegistered,
  keyRetired,
  requestClosed,
  requestReceived,
} from '../../../../src/slack/messages/personal-messages.ts';
import { sessionReceipt } from '../../../../src/slack/messages/receipt.ts';
import { grantsSuspendedMessage, recordChangedMessage } from '../../../../src/slack/messages/record-messages.ts';
import { reviewCard, reviewReminder } from '../../../../src/slack/messages/review-card.ts';
import { sessionDetail, sessionLine } from '../../../../src/slack/messages/session-messages.ts';
import type { OffboardingView } from '../../../../src/use-cases/views/offboarding.ts';
import { checkInert, checkMessage, checkVisible, markupIn } from '../../../support/checks/slack-limits.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import {
  changeView,
  endingView,
  engagementView,
  grantView,
  hostileEngagement,
  ids,
  inventory,
  names,
  PEOPLE,
  request,
  requestView,
  sessionsView,
  type World,
  worlds,
} from '../../../support/samples/hostile-views.ts';
import {
  digest,
  engagementId,
  fingerprint,
  grant,
  later,
  NOON,
  pending,
  personId,
  requestId,
} from '../../../support/samples/samples.ts';
import { key } from '../../../support/worlds/world.ts';

const GATEWAY = { host: 'ssh.example.com', port: 2222, hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', site: 'acme' };

const PLAIN: World = {
  ...{ text: 'Web server', other: 'because', targets: 2, idLength: 8, status: 'pending', audience: 'reviewer' },
  ...{ keys: 1, sessions: 1, channels: 1 },
};

/** A grant that is about to end: with more time to ask for, without, prolonged, and over. */
const endingsOf = (world: World) => [
  endingView(world, { goesOnUntil: later(7_200), liveSessions: 3 }),
  endingView(world, { noExtension: 'engagement' }),
  endingView(world, { noExtension: 'policy', due: null }),
  endingView(world, { targets: [], goesOnUntil: later(7_200), due: null }),
  endingView(world, grantView(world)),
];

const messagesOf = (world: World) => [
  reviewCard(requestView(world), {
    ...{ inventory: inventory(world), audience: world.audience, now: NOON, userId: 'U0CONTRACT' },
    ...{ reader: null, gateway: GATEWAY },
  }),
  engagementMessage(engagementView(world), BUILT_IN_SCOPES, NOON),
  changeCard(changeView(world), { audience: world.audience, now: NOON }),
  requestReceived(requestView(world)),
  requestClosed(requestView(world)),
  reviewReminder(requestView(world), NOON),
  ...[requestCommented(requestView(world), 0, true) ?? []].flat(),
  keyRegistered(key(1), world.text, personId(1)),
  reviewerKeyMessage(key(1), world.text),
  keyRegistered(key(1), world.text, personId(4)),
  grantIssued(grantView(world), GATEWAY),
  grantAnnounced(grantView(world), NOON),
  grantEnded(grantView(world)),
  grantOver(grantView(world)),
  grantRevoked(grantView(world)),
  grantIssuedTooLate(grantView(world)),
  ...endingsOf(world).flatMap((view) => [grantEnding(view, NOON), grantEndingLine(view, NOON)]),
  sessionLine(sessionsView(world)),
  sessionDetail(sessionsView(world)),
  sessionReceipt(sessionsView(world), 'P90D') ?? sessionLine(sessionsView(world)),
  hostKeyMismatch(sessionsView(world), 'web-01'),
  ...SPACE_LEVELS.map((level) =>
    freeSpaceMessage({ kind: 'free_space', at: NOON.toISOString(), level, freeMiB: 80, minFreeMiB: 500 }),
  ),
  recordChangedMessage({ kind: 'record_changed', what: 'key', id: world.text, at: NOON.toISOString(), isLast: true }),
  grantsSuspendedMessage({ kind: 'grants_suspended', why: 'older_database', at: NOON.toISOString() }),
  helpAnswer(world.text, GATEWAY),
  say(world.other),
];

const AT = NOON.toISOString();
const CHANNELS = { at: AT, engagementIds: [engagementId(1)], count: 2 } as const;
const DELIVERIES = ['held', 'resumed', 'given_up'] as const;

const OFFBOARDING = OffboardingId.parse('ff000000-0000-4000-8000-000000000001');
const NOTHING_LEFT = { at: NOON, workers: 2, answered: 2, sessions: 0, grants: 0 };

/** An offboarding with as much in it as there can be. */
function offboardingView(world: World, change: Partial<Offboarding> = {}): OffboardingView {
  const tick = { by: personId(4), at: NOON, note: world.other };
  return {
    offboarding: {
      ...{ id: OFFBOARDING, personId: personId(1), engagementIds: [engagementId(1)], why: 'asked', at: NOON },
      ...{ by: { kind: 'operator', account: world.text }, reason: `${world.other} `.repeat(9), keys: 2 },
      parts: [{ engagementId: engagementId(1), grants: 2, requests: 1, sessions: 3 }],
      left: { ...NOTHING_LEFT, answered: 1 },
      items: Array.from({ length: 20 }, (_, n) => ({ text: `${n} ${world.text}`, tick: n % 2 === 0 ? tick : null })),
      completed: null,
      ...change,
    },
    engagements: [hostileEngagement(world)],
    names: names(world),
  };
}

/** What threads and security are told of people who leave, and of engagements that close. */
function leavingMessages(world: World) {
  const open = offboardingView(world);
  const done = offboardingView(world, {
    ...{ personId: null, why: 'closed', left: NOTHING_LEFT, completed: { at: NOON, digest: digest(1) } },
    items: open.offboarding.items.map(({ text }) => ({ text, tick: { by: personId(4), at: NOON, note: world.other } })),
  });
  return [
    engagementMessage(
      { ...engagementView(world), engagement: { ...hostileEngagement(world), closedAt: NOON } },
      BUILT_IN_SCOPES,
      NOON,
    ),
    engagementConfirmCard({ ...hostileEngagement(world), closedAt: NOON }, names(world), BUILT_IN_SCOPES),
    ...[open, done].flatMap((view) => [offboardingCard(view), offboardingLine(view, engagementId(1))]),
    offboardingCard(offboardingView(world, { engagementIds: null, left: null, items: [] })),
    offboardingDone(done),
    offboardingResult(done),
    personReadmittedMessage(
      { kind: 'person_readmitted', personId: personId(1), engagementId: null, account: world.text, at: AT },
      world.other,
      world.text,
    ),
  ];
}

/** What security is told of people, channels and messages that Slack no longer shows or takes. */
const awayMessages = (world: World) => [
  engagementConfirmCard(hostileEngagement(world), names(world), BUILT_IN_SCOPES),
  keyRetired({ ...key(1), retiredAt: NOON }),
  ...[world.text, null].map((engagement) =>
    personGoneMessage(
      {
        ...{ kind: 'person_gone', personId: personId(1), why: 'deactivated', engagementId: null },
        ...{ at: AT, grants: 2, sessions: 1 },
      },
      world.other,
      engagement,
    ),
  ),
  peopleInDoubtMessage(
    {
      ...{ kind: 'people_in_doubt', at: AT, personIds: [personId(1)], count: 3 },
      ...{ sessions: 2, doubtSeconds: 5_400 },
    },
    new Map([[personId(1), world.text]]),
  ),
  channelRefusedMessage({ ...CHANNELS, kind: 'channel_refused', error: world.other, restsAt: AT }, [world.text]),
  channelsInDoubtMessage({ ...CHANNELS, kind: 'channels_in_doubt', sessions: 1, doubtSeconds: 5_400 }, [world.text]),
  channelReadAgainMessage({ ...CHANNELS, kind: 'channel_read_again' }, [world.text]),
  ...[2, null].map((line) =>
    configurationRefused({ kind: 'configuration_refused', at: AT, file: world.text, line, reason: world.other }),
  ),
  configurationMended(),
  ...DELIVERIES.flatMap((state) =>
    [
      { kind: 'thread', engagement: world.text } as const,
      { kind: 'person', name: world.other } as const,
      { kind: 'security' } as const,
    ].map((place) =>
      deliveryMessage(
        { ...{ kind: 'delivery', state, lane: 'security', at: AT, to: null }, error: world.other, count: 2 },
        place,
        3,
      ),
    ),
  ),
];

/** Begins everything that somebody chose, so that it can be found wherever it got to. */
const CANARY = 'Zq7';
const typed = (world: World): World => ({
  ...world,
  text: `${CANARY} ${world.text}`,
  other: `${CANARY} ${world.other}`,
});

describe('a message', () => {
  it.each([
    ['for people', messagesOf, 8],
    ['for security, of what Slack no longer shows or takes', awayMessages, 4],
    ['of people who leave, and of engagements that close', leavingMessages, 4],
  ] as const)(
    '%s is within Slack’s limits, hides nothing, and has nothing that anybody typed in markup',
    (_, all, least) => {
      fc.assert(
        fc.property(worlds.map(typed), (world) => {
          const shown = all(world).map((message) => {
            const texts = checkMessage(message);
            const markup = markupIn(message.blocks);
            checkVisible(texts);
            checkInert([...markup, message.text]);
            expect(markup.join('\n')).not.toContain(CANARY);
            expect(message.text).not.toMatch(/[*~`]|:[\w+-]+:/);
            return texts.join('\n');
          });
          expect(shown.filter((text) => text.includes(CANARY)).length).toBeGreaterThan(least);
        }),
        runs(40),
      );
    },
  );

  it('shows a reason of several lines, a ticket and a name as they were typed', () => {
    const reason = 'Move the *database*\n:white_check_mark: Approved before by <@U0MANAGER0>\n> done';
    const base = requestView(PLAIN);
    const ask = { ...base.request.ask, reason, ticket: '*OPS-1* :tada:' };
    const view = { ...base, request: { ...base.request, ask }, names: new Map([[ask.personId, '*Casey* _Lind_']]) };
    const { blocks } = reviewCard(view, {
      ...{ inventory: inventory(PLAIN), audience: 'thread', now: NOON, userId: null, reader: null, gateway: GATEWAY },
    });
    expect(markupIn(blocks).join('\n')).not.toMatch(/database|OPS-1|Casey/);
    const elements = JSON.stringify(blocks);
    for (const element of [
      { type: 'rich_text_quote', elements: [{ type: 'text', text: reason }] },
      { type: 'text', text: '*OPS-1* :tada:', style: { code: true } },
      { type: 'text', text: '*Casey* _Lind_', style: { bold: true } },
    ]) {
      expect(elements).toContain(JSON.stringify(element));
    }
  });

  it('lists a person’s access within the limits, however much there is', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 0, max: 30 }), (world, many) => {
        const some = <T>(make: (n: number) => T) => Array.from({ length: many }, (_, n) => make(n + 1));
        const unique = (n: number, id: string) => id.replace(/^......../, (n + 4096).toString(16).padStart(8, '0'));
        const grants = some((n) => ({
          ...grantView(world).grant,
          id: unique(n, grant(n).id) as ReturnType<typeof grant>['id'],
        }));
        const pendings = some((n) =>
          pending({ id: unique(n, requestId(n)) as ReturnType<typeof requestId>, ask: request(world).ask }),
        );
        const blocks = listBlocks(
          {
            grants,
            revocable: grants.map((each, n) => ({ ...each, id: unique(n + 100, each.id) as typeof each.id })),
            pending: pendings,
            asked: new Map(pendings.map(({ id }) => [id, PEOPLE])),
            toReview: pendings,
            engagements: some(() => hostileEngagement(world)),
            governed: [],
            keys: [],
            names: names(world),
          },
          NOON,
        );
        checkVisible(checkMessage({ text: 'list', blocks }));
        checkInert(markupIn(blocks));
      }),
      runs(60),
    );
  });

  it('shows in the Home tab who is connected in the engagements that one looks after', () => {
    fc.assert(
      fc.property(worlds.map(typed), (world) => {
        const { sessions, engagement: of } = sessionsView(world);
        const live = sessions.filter((each) => each.ended === null);
        const blocks = governedBlocks({
          ...{ grants: [], pending: [], toReview: [], revocable: [], engagements: [], keys: [], names: names(world) },
          asked: new Map(),
          governed: Array.from({ length: 9 }, (_, n) => ({ engagement: of, live: n === 4 ? live : [] })),
        });
        expect(markupIn(blocks).join('\n')).not.toContain(CANARY);
        const shown = checkMessage({ text: 'home', blocks });
        if (live.length > 0) expect(shown.join('\n')).toContain('deploy@web-01');
        expect(shown.at(-1)).toBe('and 4 more engagements');
      }),
      runs(40),
    );
  });

  it('brings the files with a comment that Slack takes whole, and in which nobody’s words are', () => {
    fc.assert(
      fc.property(worlds.map(typed), (world) => {
        const { text } = grantFiles(grantView(world), [grant(2), grant(3)], GATEWAY);
        expect(text.length).toBeLessThan(4_000);
        expect(text).not.toContain(CANARY);
        checkInert([text]);
      }),
      runs(60),
    );
  });

  it('says on a phone who, what, where and for how long', () => {
    const base = requestView(PLAIN);
    const { personId: who } = base.request.ask;
    const [reviewer] = base.engagement.reviewerIds;
    const known = new Map([
      [who, 'Casey Lind'],
      [reviewer ?? who, 'Morgan Reyes'],
    ]);
    const view = { ...base, names: known };
    const granted = { ...grantView({ ...PLAIN, status: 'approved' }), names: known };
    const context = {
      ...{ inventory: inventory(PLAIN), now: NOON, userId: null, reader: null },
      ...{ audience: 'reviewer' as const, gateway: GATEWAY },
    };
    const [first, second] = ids(PLAIN);
    const what = `${first} and ${second} as deploy, scope shell`;
    expect(reviewCard(view, context).text).toBe(
      `Access request: Casey Lind from Web server requests ${what}, for 1 hour`,
    );
    expect(requestReceived(view).text).toBe(`Your request was received: ${what}, for 1 hour, in Web server`);
    expect(grantIssued(granted, GATEWAY).text).toBe(`You have access: ${what}, for 1 hour, in Web server`);
    expect(grantAnnounced(granted, NOON).text).toContain(`Access granted to Casey Lind by`);
    expect(grantAnnounced(granted, NOON).text).toContain(`: ${what}, for 1 hour`);
    const { grant: whole } = granted;
    const shorter = {
      ...whole,
      terms: { ...whole.terms, notAfter: new Date(NOON.getTime() + 2_700_000).toISOString() },
    };
    for (const { text } of [
      grantIssued({ ...granted, grant: shorter }, GATEWAY),
      grantAnnounced({ ...granted, grant: shorter }, NOON),
    ])
      expect(text).toContain('for 45 minutes');
    expect(grantEnded(granted).text).toContain(`Access ended, 0 live sessions: Casey Lind, ${what}; revoked by`);
  });
});

describe('the way to the gateway itself', () => {
  const config = 'ssh daypass@ssh.example.com -p 2222 setup | sh';

  it('is a line of help, and of the message that brings an access', () => {
    const help = checkMessage(helpAnswer(null, GATEWAY));
    expect(help).toContain(config);
    expect(help.join('\n')).toContain('ssh <target>.acme.daypass');
    const issued = checkMessage(grantIssued(grantView(PLAIN), GATEWAY));
    expect(issued).toContain(config);
    expect(issued).toContain(
      ids(PLAIN)
        .map((id) => `ssh ${id}.acme.daypass`)
        .join('\n'),
    );
  });

  it('holds with the longest name that a gateway can have', () => {
    const long = { ...GATEWAY, host: 'a'.repeat(253), site: 'b'.repeat(32) };
    checkMessage(helpAnswer('x'.repeat(3_000), long));
    const view = grantView({ ...PLAIN, targets: 50, idLength: 63 });
    expect(checkMessage(grantIssued(view, long))).toContain(`ssh daypass@${long.host} -p 2222 setup | sh`);
    expect(grantFiles(view, [grant(2), grant(3)], long).text.length).toBeLessThan(4_000);
  });
});

/** Keeps the samples honest: the people of a world are persons. */
it('stands on people that parse', () => {
  expect(PEOPLE.every((id) => PersonId.safeParse(id).success)).toBe(true);
  expect(fingerprint(1)).toMatch(/^SHA256:/);
});

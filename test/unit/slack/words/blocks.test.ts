import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PersonId } from '../../../../src/access/ids.ts';
import { helpAnswer } from '../../../../src/slack/conversations/help.ts';
import { governedBlocks } from '../../../../src/slack/conversations/home.ts';
import { listBlocks } from '../../../../src/slack/conversations/list.ts';
import { grantAnnounced, grantEnded } from '../../../../src/slack/messages/grant-messages.ts';
import { grantFiles, grantIssued, requestReceived } from '../../../../src/slack/messages/personal-messages.ts';
import { reviewCard } from '../../../../src/slack/messages/review-card.ts';
import { checkInert, checkMessage, checkVisible, markupIn } from '../../../support/checks/slack-limits.ts';
import { awayMessages, GATEWAY, leavingMessages, messagesOf, PLAIN } from '../../../support/samples/all-messages.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import {
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
import { fingerprint, grant, NOON, pending, requestId } from '../../../support/samples/samples.ts';

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

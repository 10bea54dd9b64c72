import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPACE_LEVELS } from '../../../src/access/disk-space.ts';
import { PersonId, TargetId } from '../../../src/access/ids.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scope.ts';
import type { Target } from '../../../src/access/target.ts';
import { engagementForm } from '../../../src/slack/engagement.ts';
import { engagementMessage } from '../../../src/slack/engagement-message.ts';
import { freeSpaceMessage } from '../../../src/slack/free-space-message.ts';
import { grantAnnounced, grantEnded, hostKeyMismatch } from '../../../src/slack/grant-messages.ts';
import { helpAnswer } from '../../../src/slack/help.ts';
import { listBlocks } from '../../../src/slack/list.ts';
import { grantIssued, keyRegistered, requestClosed, requestReceived } from '../../../src/slack/personal-messages.ts';
import { noEngagementView, noKeyView, requestForm } from '../../../src/slack/request-form.ts';
import { denyView } from '../../../src/slack/review.ts';
import { type CardAudience, reviewCard } from '../../../src/slack/review-card.ts';
import { sessionDetail, sessionLine } from '../../../src/slack/session-messages.ts';
import { runs } from '../../support/hostile-text.ts';
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
} from '../../support/hostile-views.ts';
import {
  digest,
  engagement,
  fingerprint,
  grant,
  later,
  NOON,
  pending,
  personId,
  requestId,
} from '../../support/samples.ts';
import { checkInert, checkMessage, checkView } from '../../support/slack-limits.ts';
import { key } from '../../support/world.ts';

const GATEWAY = { host: 'ssh.example.com', port: 2222, hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', site: 'acme' };
const card = (world: World) =>
  reviewCard(requestView(world), {
    inventory: inventory(world),
    audience: world.audience,
    now: NOON,
    mention: '<@U0CONTRACT>',
  });

describe('a message', () => {
  it('is within Slack’s limits and inert, whatever people and targets are called', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const messages = [
          card(world),
          engagementMessage(hostileEngagement(world), names(world), BUILT_IN_SCOPES),
          requestReceived(requestView(world)),
          requestClosed(requestView(world)),
          keyRegistered(key(1), world.text, personId(1)),
          keyRegistered(key(1), world.text, personId(4)),
          grantAnnounced(grantView(world), NOON),
          grantEnded(grantView(world)),
          sessionLine(sessionsView(world)),
          sessionDetail(sessionsView(world)),
          hostKeyMismatch(sessionsView(world), 'web-01'),
          ...SPACE_LEVELS.map((level) =>
            freeSpaceMessage({ kind: 'free_space', at: NOON.toISOString(), level, freeMiB: 80, minFreeMiB: 500 }),
          ),
          helpAnswer(world.text, GATEWAY),
        ];
        for (const message of messages) checkInert([...checkMessage(message), message.text]);
      }),
      runs(60),
    );
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
            toReview: pendings,
            engagements: some(() => hostileEngagement(world)),
            keys: [],
            names: names(world),
          },
          NOON,
        );
        checkInert(checkMessage({ text: 'list', blocks }));
      }),
      runs(60),
    );
  });

  it('brings the certificate with a text that Slack takes whole', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { text } = grantIssued(grantView(world), [grant(2), grant(3)], GATEWAY);
        expect(text.length).toBeLessThan(4_000);
        checkInert([text]);
      }),
      runs(60),
    );
  });
});

describe('the way to the gateway itself', () => {
  const world: World = {
    ...{ text: 'Web server', other: 'because', targets: 2, idLength: 8, status: 'approved', audience: 'reviewer' },
    ...{ keys: 1, sessions: 1, channels: 1 },
  };
  const config = 'ssh daypass@ssh.example.com -p 2222 config';

  it('is a line of help, and of the message that brings an access', () => {
    const help = checkMessage(helpAnswer(null, GATEWAY)).join('\n');
    expect(help).toContain(`\`${config}\` prints an ssh_config to set up once`);
    expect(help).toContain('`ssh &lt;target&gt;.acme.daypass`');
    const { text } = grantIssued(grantView(world), [], GATEWAY);
    expect(text.split('\n').filter((line) => line.includes(config))).toHaveLength(1);
  });

  it('holds with the longest name that a gateway can have', () => {
    const long = { ...GATEWAY, host: 'a'.repeat(253), site: 'b'.repeat(32) };
    checkMessage(helpAnswer('x'.repeat(3_000), long));
    const { text } = grantIssued(grantView({ ...world, targets: 50, idLength: 63 }), [grant(2), grant(3)], long);
    expect(text.length).toBeLessThan(4_000);
    expect(text).toContain(`\`ssh daypass@${long.host} -p 2222 config\``);
  });
});

describe('a review card', () => {
  it('shows every one of fifty targets with its whole id', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const shown = checkMessage(card(world)).join('\n');
        for (const id of ids(world)) expect(shown).toContain(`\`${id}\``);
      }),
      runs(60),
    );
  });

  it('shows a target’s name, and to reviewers its address', () => {
    const world: World = {
      text: 'Web server',
      other: 'because',
      targets: 2,
      idLength: 8,
      status: 'pending',
      audience: 'reviewer',
      keys: 1,
      sessions: 1,
      channels: 0,
    };
    const toReviewer = checkMessage(card(world)).join('\n');
    expect(toReviewer).toContain('*Web server*');
    expect(toReviewer).toContain(`${'a'.repeat(240)}:22`);
    expect(checkMessage(card({ ...world, audience: 'thread' })).join('\n')).not.toContain('aaaa:22');
  });

  it('has buttons while it is pending, and none once it is decided or its time has run out', () => {
    const view = (change: Partial<World> = {}) =>
      requestView({
        text: 'x',
        other: 'y',
        targets: 1,
        idLength: 8,
        status: 'pending',
        audience: 'thread',
        keys: 1,
        sessions: 1,
        channels: 0,
        ...change,
      });
    const context = { inventory: { find: () => null }, audience: 'thread', now: NOON, mention: null } as const;
    const buttons = (blocks: readonly { type: string }[]) => blocks.filter((each) => each.type === 'actions').length;
    expect(buttons(reviewCard(view(), context).blocks)).toBe(1);
    for (const status of ['approved', 'denied', 'expired', 'withdrawn'] as const) {
      expect(buttons(reviewCard(view({ status }), context).blocks)).toBe(0);
    }
    expect(buttons(reviewCard(view(), { ...context, now: later(86_400) }).blocks)).toBe(0);
  });

  it('keeps a reviewer’s remark from the thread', () => {
    const world: World = {
      text: 'Vendor',
      other: 'they broke it last time',
      targets: 1,
      idLength: 8,
      status: 'denied',
      audience: 'reviewer',
      keys: 1,
      sessions: 1,
      channels: 0,
    };
    const view = requestView(world);
    const about = { ...view, request: { ...view.request, ask: { ...view.request.ask, reason: 'fix' } } };
    const shown = (audience: CardAudience) =>
      checkMessage(reviewCard(about, { inventory: inventory(world), audience, now: NOON, mention: null })).join('\n');
    expect(shown('reviewer')).toContain('they broke it last time');
    expect(shown('thread')).not.toContain('they broke it last time');
  });
});

describe('the thread’s session line', () => {
  const world: World = {
    text: '192.0.2.77',
    other: 'cat /etc/secret-file',
    targets: 1,
    idLength: 8,
    status: 'approved',
    audience: 'thread',
    keys: 1,
    sessions: 3,
    channels: 2,
  };

  it('has a Terminate button for each live session, and says no command and no address', () => {
    const view = { ...sessionsView(world), names: new Map([[personId(1), 'Ada']]) };
    const { blocks } = sessionLine(view);
    const shown = checkMessage({ text: 'x', blocks }).join('\n');
    expect(shown).not.toContain('secret-file');
    expect(shown).not.toContain('192.0.2.77');
    const live = view.sessions.filter((each) => each.ended === null).map((each) => each.id);
    const values = blocks.flatMap((each) =>
      each.type === 'actions' ? each.elements.map((button) => ('value' in button ? button.value : '')) : [],
    );
    expect(values).toEqual(live);
  });

  it('leaves commands and addresses to security', () => {
    const shown = checkMessage(sessionDetail(sessionsView(world))).join('\n');
    expect(shown).toContain('secret-file');
    expect(shown).toContain('192.0.2.77');
  });
});

describe('a form', () => {
  it('is within Slack’s limits for any number of targets and any names', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom(1, 99, 101, 400), (world, many) => {
        const targets = Array.from({ length: many }, (_, n) => ({
          ...(inventory(world).targets[0] as Target),
          id: TargetId.parse(`t${n}`),
          logins: ['deploy' as Target['logins'][number]],
        }));
        const chosen = engagement({ name: world.text.slice(0, 80), targetIds: targets.map((each) => each.id) });
        const whole = { ...inventory(world), site: 'acme', targets };
        for (const view of [
          requestForm({ engagements: [chosen], chosen, inventory: whole }),
          requestForm({ engagements: [chosen], chosen: null, inventory: whole }),
          engagementForm({ inventory: whole, clock: { now: () => NOON } }, { timeZone: 'Europe/Berlin' }),
          noKeyView(),
          noEngagementView(),
          denyView(`${requestId(1)}:${digest(1)}`, { channelId: 'C1', ts: '1.2' }),
        ]) {
          checkInert(checkView(view));
        }
      }),
      runs(40),
    );
  });
});

/** Keeps the samples honest: the people of a world are persons. */
it('stands on people that parse', () => {
  expect(PEOPLE.every((id) => PersonId.safeParse(id).success)).toBe(true);
  expect(fingerprint(1)).toMatch(/^SHA256:/);
});

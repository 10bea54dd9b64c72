import { SPACE_LEVELS } from '../../../src/access/disk-space.ts';
import { OffboardingId } from '../../../src/access/ids.ts';
import type { Offboarding } from '../../../src/access/offboarding.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { say } from '../../../src/slack/conversations/answer.ts';
import { helpAnswer } from '../../../src/slack/conversations/help.ts';
import { changeCard } from '../../../src/slack/messages/change-card.ts';
import { requestCommented } from '../../../src/slack/messages/comments.ts';
import { configurationMended, configurationRefused } from '../../../src/slack/messages/configuration-messages.ts';
import { deliveryMessage } from '../../../src/slack/messages/delivery-message.ts';
import { grantEnding, grantEndingLine } from '../../../src/slack/messages/ending-messages.ts';
import { engagementConfirmCard, engagementMessage } from '../../../src/slack/messages/engagement-message.ts';
import { freeSpaceMessage } from '../../../src/slack/messages/free-space-message.ts';
import { grantAnnounced, grantEnded, hostKeyMismatch } from '../../../src/slack/messages/grant-messages.ts';
import {
  offboardingCard,
  offboardingDone,
  offboardingLine,
  offboardingResult,
  personReadmittedMessage,
} from '../../../src/slack/messages/offboarding-messages.ts';
import { grantIssuedTooLate, grantOver, grantRevoked } from '../../../src/slack/messages/over-messages.ts';
import {
  channelReadAgainMessage,
  channelRefusedMessage,
  channelsInDoubtMessage,
  peopleInDoubtMessage,
  personGoneMessage,
  reviewerKeyMessage,
} from '../../../src/slack/messages/people-messages.ts';
import {
  grantIssued,
  keyRegistered,
  keyRetired,
  requestClosed,
  requestReceived,
} from '../../../src/slack/messages/personal-messages.ts';
import { sessionReceipt } from '../../../src/slack/messages/receipt.ts';
import { grantsSuspendedMessage, recordChangedMessage } from '../../../src/slack/messages/record-messages.ts';
import { reviewCard, reviewReminder } from '../../../src/slack/messages/review-card.ts';
import { sessionDetail, sessionLine } from '../../../src/slack/messages/session-messages.ts';
import type { OffboardingView } from '../../../src/use-cases/views/offboarding.ts';
import { key } from '../worlds/world.ts';
import {
  changeView,
  endingView,
  engagementView,
  grantView,
  hostileEngagement,
  inventory,
  names,
  requestView,
  sessionsView,
  type World,
} from './hostile-views.ts';
import { digest, engagementId, later, NOON, personId } from './samples.ts';

export const GATEWAY = {
  host: 'ssh.example.com',
  port: 2222,
  hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5',
  site: 'acme',
};

export const PLAIN: World = {
  ...{ text: 'Web server', other: 'because', targets: 2, idLength: 8, status: 'pending', audience: 'reviewer' },
  ...{ keys: 1, sessions: 1, channels: 1 },
};

/** A grant that is about to end: with more time to ask for, without, prolonged, and over. */
export const endingsOf = (world: World) => [
  endingView(world, { goesOnUntil: later(7_200), liveSessions: 3 }),
  endingView(world, { noExtension: 'engagement' }),
  endingView(world, { noExtension: 'policy', due: null }),
  endingView(world, { targets: [], goesOnUntil: later(7_200), due: null }),
  endingView(world, grantView(world)),
];

export const messagesOf = (world: World) => [
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

export const AT = NOON.toISOString();
export const CHANNELS = { at: AT, engagementIds: [engagementId(1)], count: 2 } as const;
const DELIVERIES = ['held', 'resumed', 'given_up'] as const;

export const OFFBOARDING = OffboardingId.parse('ff000000-0000-4000-8000-000000000001');
const NOTHING_LEFT = { at: NOON, workers: 2, answered: 2, sessions: 0, grants: 0 };

/** An offboarding with as much in it as there can be. */
export function offboardingView(world: World, change: Partial<Offboarding> = {}): OffboardingView {
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
export function leavingMessages(world: World) {
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
export const awayMessages = (world: World) => [
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

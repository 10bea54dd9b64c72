import type { TerminationReason } from '../../access/session.ts';
import type { Ender, TerminationOrder } from '../../use-cases/ports/gateways.ts';
import { minuteUtc } from './refusals.ts';

/** What a person reads in the middle of a session. */

export const WATCHED = 'an operator is watching this session.';

export const extendedUntil = (endsAt: Date): string =>
  `your access was extended until ${minuteUtc(endsAt)}. This session continues.`;

export const endsIn = (minutes: number): string =>
  `your access ends in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}. In Slack, open Daypass and press Extend.`;

export const recordingFailed = (code: string): string =>
  `recording failed (${code}); session ended. Nothing passes unrecorded. Tell your Daypass operator.`;

export const outOfScope = (why: string): string => `${why}. If you need more, request another scope in Slack.`;

export const MORE_THAN_RECORDED =
  'this access is recorded in full, and this channel carried more binary data than a recording keeps. Transfer files with sftp or scp.';

export const FILES_ON_TERMINAL = 'files cannot be transferred on a terminal. Leave out -t.';

export const UNREADABLE_TERMINAL =
  'your client asked for a terminal in a way that cannot be read: its modes end too early. Use another SSH client.';

/** What the target did, or did not. */
export const TARGET = {
  noTerminal: 'the target gave you no terminal. Ask its owner to run: daypass targets check',
  noStart: 'the target refused to start this. Ask its owner.',
  noChannel: 'the target opened no channel. Connect again.',
  noTunnel: 'the target refused to open it',
  notConnected: 'the target is not connected',
  reports: (says: string): string => `the target reports: ${says}`,
} as const;

/** An order as a worker carries it out: `message` is one line for the person's terminal. */
export type WordedOrder = { readonly why: TerminationReason; readonly message: string };

export const RESTARTING: WordedOrder = {
  why: 'shutdown',
  message: 'session ended: the gateway is restarting. Connect again in a minute.',
};

export const EXPIRED: WordedOrder = {
  why: 'expired',
  message: 'ended: your access has expired. Request access again in Slack.',
};

export const wordedOrder = (order: TerminationOrder): WordedOrder => ({
  why: order.why,
  message: (ENDED[order.because] as (order: TerminationOrder) => string)(order),
});

type Because = TerminationOrder['because'];

const ENDED: { readonly [Code in Because]: (order: Extract<TerminationOrder, { because: Code }>) => string } = {
  expired: () => EXPIRED.message,
  engagement_over: () => 'ended: the engagement is over.',
  engagement_not_begun: () => 'ended: the engagement begins on a later day now. Ask why in the engagement thread.',
  outside_engagement_hours: () => 'ended: the allowed hours of the engagement are over.',
  returned: () => 'ended: you handed this access back.',
  revoked: ({ by, comment }) =>
    `ended: your access was revoked${byWhom(by)}${comment ? `: ${comment}` : ''}. Ask why in the engagement thread.`,
  grant_missing: () => 'ended: the grant for this session no longer exists.',
  grants_suspended: () => 'ended: all access is paused until the operators have checked their restored database.',
  key_retired: () => 'ended: the key of this session was retired. Ask why in the engagement thread.',
  session_tampered: () =>
    'ended: the record of this session was changed outside Daypass. Ask in the engagement thread.',
  record_tampered: () => 'ended: the record of your engagement was changed outside Daypass. Tell security.',
  engagement_closed: () => 'ended: the engagement was closed. Ask the person who engaged you.',
  person_unconfirmed: () => 'ended: Slack has not confirmed that your account is active. Ask in the engagement thread.',
  channel_unread: () =>
    'ended: Slack has not shown for too long who is in the channel of your engagement. Ask there for Daypass to be invited again.',
  ended_by_holder: () => 'ended: you ended this session. You still have access: connect again whenever you like.',
  ended: ({ by }) =>
    `ended: this session was ended${byWhom(by)}. You still have access. Ask why in the engagement thread.`,
};

/** ` by Casey Lind`, ` by an operator (root)`; what Daypass did by itself nobody did. */
function byWhom(by: Ender | null): string {
  if (!by) return '';
  if (by.kind === 'person') return ` by ${by.name}`;
  return by.account === '' ? ' by an operator' : ` by an operator (${by.account})`;
}

import { short } from '../../access/ids.ts';
import { asciiOnly, withoutControls } from '../../access/printable.ts';
import type { RecorderRejection } from '../../access/rejection.ts';
import type { Scope } from '../../access/scopes/scope.ts';
import type { ConnectionRejection } from '../../use-cases/sessions/gateway-control.ts';

/** What somebody can be refused with in a terminal. */
export type TerminalRejection = ConnectionRejection | RecorderRejection;

/**
 * What a refused person reads in the terminal: what happened, why, and what to do next. One line, printable. `at` is where ssh reaches
 * the gateway.
 */
export function wordForTerminal(rejection: TerminalRejection, at: string): string {
  const word = WORDS[rejection.code] as (rejection: TerminalRejection, at: string) => string;
  return printable(word(rejection, at));
}

/** What comes behind the `@` of a command line that leads to the gateway. */
export const gatewayAddress = (host: string, port: number): string => (port === 22 ? host : `${host} -p ${port}`);

const noCertificate = (at: string): string =>
  `Your client sent no certificate from this gateway. Set up ssh once: ssh daypass@${at} setup | sh. If it is set up, request access in Slack: /access request.`;
const MISSING = {
  direct: noCertificate,
  inner: noCertificate,
  jump: () =>
    'Your client offered neither a registered key nor a certificate. To register your key, type /access key in Slack.',
  approve: (at: string) =>
    `Your client did not offer a key that you registered. Name it: ssh -i <your key> approve-...@${at}. Certificates do not approve.`,
  register: (at: string) =>
    `Your client offered no key that can be registered (ssh-keygen -t ed25519 makes one). Run: ssh -i <your key> register-<code>@${at}`,
} satisfies Record<string, (at: string) => string>;

/** For a client that came with no key that could have opened what it asked for. */
export const missing = (purpose: keyof typeof MISSING, at: string): string => printable(MISSING[purpose](at));

export const kindNotTaken = (kind: string): string =>
  printable(
    `Keys of type ${kind.slice(0, NAME_MAX)} are not accepted. Use ed25519, ECDSA, or RSA of 3072 bits or more; keys on FIDO devices work too. Make one: ssh-keygen -t ed25519`,
  );

/** Why a connection ends that has tried too much. */
export const LOGIN_ENDS = {
  tooManyKeys: (max: number): string =>
    `Your client offered more than ${max} keys, and none of the first ${max} works. Offer only the right one: -i <key> -o IdentitiesOnly=yes`,
  tooManyFailures:
    'Too many logins failed on this connection. Offer only the right key: -i <key> -o IdentitiesOnly=yes',
} as const;

/** A name that leads nowhere, said before any target is asked for. */
export const unknownTarget = (given: string, at: string): string =>
  printable(`No target is called "${given.slice(0, 60)}". To list yours: ssh daypass@${at} list`);

/** What each connection to a target begins with. */
export const recordedBanner = (
  { id, name }: { readonly id: string; readonly name: string },
  login: string,
  endsAt: Date,
  scope: Scope,
): string =>
  printable(
    `${login} on ${name === id ? id : `${id} (${name})`}, until ${minuteUtc(endsAt)}. This session is recorded${scope.record_input ? ', including what you type' : ''}.`,
  );

/** Somebody's words on somebody else's terminal, in any script: one line. */
export const plainLine = (text: string): string => withoutControls(text).slice(0, SENTENCE_MAX);

/** A sentence of ours with what people or targets chose in it: one line of ASCII. */
export const printable = (text: string): string => asciiOnly(text).slice(0, TERMINAL_MAX);

const TERMINAL_MAX = 500;
const SENTENCE_MAX = 500;
const ASK = 'Request access in Slack: /access request.';

export const minuteUtc = (when: Date): string => `${when.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
/** As many as fit a line; the rest is counted. */
function list(names: readonly string[]): string {
  const kept: string[] = [];
  for (const name of names) {
    if (kept.length > 0 && [...kept, name].join(', ').length > LIST_MAX) break;
    kept.push(name.slice(0, LIST_MAX));
  }
  const more = names.length - kept.length;
  return names.length === 0 ? 'none' : `${kept.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const LIST_MAX = 50;
const NAME_MAX = 40;
const WHY_MAX = 100;

type Words = {
  [Code in TerminalRejection['code']]: (rejection: Extract<TerminalRejection, { code: Code }>, at: string) => string;
};

const WORDS: Words = {
  no_live_grant: () => `You have no access at the moment. ${ASK}`,
  request_waits: ({ requestId }) =>
    `You have no access yet: your request ${short(requestId)} is waiting for a reviewer. Connect again once it is approved.`,
  grant_expired: ({ at: when }) => `Your access expired at ${minuteUtc(when)}. ${ASK}`,
  grant_revoked: ({ at: when }) => `Your access was ended at ${minuteUtc(when)}. Ask why in the engagement's thread.`,
  engagement_over: ({ endedAt }) =>
    `Your engagement ended at ${minuteUtc(endedAt)}. Ask in its thread if work is left.`,
  engagement_not_begun: ({ beginsAt }) => `Your engagement begins at ${minuteUtc(beginsAt)}. Connect again then.`,
  outside_engagement_hours: ({ opensAt }) =>
    `Your engagement allows no access at this hour. ${opensAt ? `It opens at ${minuteUtc(opensAt)}` : 'Ask in its thread when it opens'}.`,
  target_not_granted: ({ targetId, granted }) =>
    `Your access does not cover ${targetId.slice(0, NAME_MAX)}. It covers: ${list(granted)}. ${ASK}`,
  login_not_granted: ({ login, granted }) =>
    `Your access does not cover the login ${login}. It covers: ${list(granted)}. Use that, or request another login in Slack.`,
  key_not_in_grant: ({ fingerprint }) =>
    `The key ${fingerprint} is newer than this access, so this access does not cover it. Use your earlier key, or request access again in Slack.`,
  target_changed: ({ targetId }) =>
    `The address or host keys of ${targetId.slice(0, NAME_MAX)} changed after your access was approved. Request access again in Slack.`,
  grant_tampered: () =>
    'Your grant does not match what was approved, so it is void. Tell security: they can see it in the log.',
  grants_suspended: () =>
    'All access is paused until the operators have checked their restored database. Ask your Daypass operator.',
  record_tampered: () =>
    'The stored record was changed outside Daypass, so it is void. Tell security: it is in the audit log.',
  unknown_target_name: ({ given, granted }) =>
    `No target is called "${given.slice(0, NAME_MAX)}". Yours are: ${list(granted)}. Correct the name and connect again.`,
  bad_login_name: ({ given }, at) =>
    `"${given.slice(0, NAME_MAX)}" is not a login here. Use ssh <login>+<target>@${at}, or run ssh daypass@${at} list to see what you have.`,
  unknown_key: ({ fingerprint }) =>
    `The key ${fingerprint} is not registered. To register it, type /access key in Slack.`,
  certificate_expired: ({ at: when }) => `Your certificate expired at ${minuteUtc(when)}. ${ASK}`,
  certificate_refused: ({ why }) =>
    `Your certificate was refused: ${why.slice(0, WHY_MAX)}. Connect again: your ssh_config fetches a new one.`,
  proof_invalid: ({ why }) =>
    `Your login could not be verified: ${why.slice(0, WHY_MAX)}. Connect again. If that fails too, fetch your certificate again.`,
  user_not_verified: () =>
    'Your access is for FIDO keys that ask for a PIN or a fingerprint at each login, and this one did not. Make one with ssh-keygen -t ed25519-sk -O verify-required, register it, and request access again.',
  proof_replayed: () => 'This login was already used. Connect again.',
  too_many_logins: ({ max }) =>
    `This key has logged in ${max} times today, which is the limit until midnight UTC. Certificates still work.`,
  too_many_sessions: ({ targetId, max }) =>
    `You already have ${max} connections to ${targetId.slice(0, NAME_MAX)}, which is the limit. End one, or share one (ControlMaster).`,
  person_inactive: () => 'Your Slack account is deactivated, so you have no access. Ask the person who engaged you.',
  person_offboarded: ({ since }) =>
    `You were offboarded at ${minuteUtc(since)}, so you have no access. Ask the person who engaged you.`,
  person_unseen: ({ since }) =>
    `Slack has not shown your account since ${minuteUtc(since)}. Ask the person who engaged you.`,
  person_unconfirmed: ({ since }) =>
    `Slack last confirmed your account at ${minuteUtc(since)}. That is too long ago, so your access is paused. Try again once Slack answers.`,
  channel_unread: ({ engagement, since }) =>
    `Slack has not shown since ${minuteUtc(since)} who is in the channel of "${engagement.slice(0, NAME_MAX)}", so access in it is paused. Ask there for Daypass to be invited again, then retry.`,
  engagement_closed: ({ engagement, at: when }) =>
    `The engagement "${engagement.slice(0, NAME_MAX)}" was closed at ${minuteUtc(when)}, so there is no access in it. Ask the person who engaged you.`,
  code_unknown: () => 'That registration code is unknown. For a new one, type /access key in Slack.',
  code_expired: () => 'That registration code was used or has expired. For a new one, type /access key in Slack.',
  key_taken: () =>
    'That key already belongs to somebody else. Make a new one with ssh-keygen -t ed25519 and register it.',
  key_retired: ({ fingerprint }) =>
    `The key ${fingerprint} was retired and no longer works. Make a new one with ssh-keygen -t ed25519 and register it.`,
  key_too_weak: ({ why }) =>
    `That key was refused: ${why.slice(0, WHY_MAX)}. Make one with ssh-keygen -t ed25519 and register it.`,
  no_pledge: () =>
    'Nothing waits for a signature by this key. Press Approve on the review card in Slack, then run the command it shows.',
  pledge_over: ({ at: when }) =>
    `Your approval lapsed at ${minuteUtc(when)}, unsigned. Press Approve in Slack again, then run the command it shows.`,
  signing_key_new: ({ registeredAt, countsFrom }) =>
    countsFrom
      ? `Your key was registered at ${minuteUtc(registeredAt)}. It signs reviews from ${minuteUtc(countsFrom)} on.`
      : 'Your key was registered after access was requested, so it cannot sign this review. Use an older key, or leave it to another reviewer.',
  fido_key_wanted: () =>
    'This review needs a key on a FIDO device (ed25519-sk or ecdsa-sk). Sign with such a key, or leave it to another reviewer.',
  unknown_request: () => 'This request no longer exists. Look at its review card in Slack.',
  own_request: () => 'You cannot review your own request, from any account. Leave it to another reviewer.',
  requester_gone: () => 'Nothing was approved: the requester has left. If they come back, they have to request again.',
  no_longer_allowed: () =>
    'Nothing was approved: policy no longer allows this request. Press Approve in Slack again to read why.',
  not_a_reviewer: () => 'Nothing was approved: you are not a reviewer of this engagement. Leave it to one of them.',
  own_engagement: () => 'Nothing was approved: you opened this engagement. Leave it to another reviewer.',
  digest_mismatch: () =>
    'Nothing was approved: the request is not the one that you signed. Tell security, and have it requested again.',
  already_decided: ({ outcome, at: when }) =>
    `Nothing changed: this request was already ${outcome === 'expired' ? 'over' : outcome} at ${minuteUtc(when)}.`,
  already_reviewed: ({ at: when }) =>
    `Nothing changed: you already reviewed this request at ${minuteUtc(when)}. It needs another reviewer.`,
  disk_full: ({ freeMiB }) =>
    `Sessions are recorded, and the recording disk has only ${freeMiB} MiB left, so none can start. Tell your Daypass operator.`,
};

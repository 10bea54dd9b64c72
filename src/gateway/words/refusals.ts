import { short } from '../../access/ids.ts';
import type { Rejection, RejectionCode } from '../../access/rejection.ts';
import type { Scope } from '../../access/scopes/scope.ts';

/**
 * What a refused person reads in the terminal: what happened, why, and what to do next. One line, printable. `at` is where ssh reaches
 * the gateway.
 */
export function wordForTerminal(rejection: Rejection, at: string): string {
  const word = WORDS[rejection.code] as (rejection: Rejection, at: string) => string;
  return printable(word(rejection, at));
}

/** What comes behind the `@` of a command line that leads to the gateway. */
export const gatewayAddress = (host: string, port: number): string => (port === 22 ? host : `${host} -p ${port}`);

const noCertificate = (at: string): string =>
  `No certificate of this gateway was presented. Set ssh up once: ssh daypass@${at} setup | sh. If it is set up, ask for access in Slack: /access request.`;
const MISSING = {
  direct: noCertificate,
  inner: noCertificate,
  jump: () =>
    'No key that is registered here was presented, and no certificate. In Slack, /access key tells how to register yours.',
  register: (at: string) =>
    `No key was presented that can be registered (ssh-keygen -t ed25519 makes one). Say: ssh -i <your key> register-<code>@${at}`,
} satisfies Record<string, (at: string) => string>;

/** Whoever came with no key that could have opened what they asked for. */
export const missing = (purpose: keyof typeof MISSING, at: string): string => printable(MISSING[purpose](at));

export const kindNotTaken = (kind: string): string =>
  printable(
    `Keys of the kind ${kind.slice(0, NAME_MAX)} are not taken. Taken are ed25519, ECDSA and RSA of 3072 bits or more, on FIDO sticks as well. Make one: ssh-keygen -t ed25519`,
  );

/** Why a connection ends that has tried too much. */
export const LOGIN_ENDS = {
  tooManyKeys: (max: number): string =>
    `More than ${max} keys were offered, and none of the first ${max} fits. Offer the right one only: -i <key> -o IdentitiesOnly=yes`,
  tooManyFailures:
    'Too many logins failed on this connection. Offer the right key only: -i <key> -o IdentitiesOnly=yes',
} as const;

/** A name that leads nowhere, said before any target is asked for. */
export const unknownTarget = (given: string, at: string): string =>
  printable(`No target is called "${given.slice(0, 60)}". This lists yours: ssh daypass@${at} list`);

/** What each connection to a target begins with. */
export const recordedBanner = (
  { id, name }: { readonly id: string; readonly name: string },
  login: string,
  endsAt: Date,
  scope: Scope,
): string =>
  printable(
    `${login} on ${name === id ? id : `${id} (${name})`}, until ${minuteUtc(endsAt)}. This session is recorded${scope.record_input ? ', with what you type' : ''}.`,
  );

/** Somebody's words on somebody else's terminal: one line, nothing that moves a cursor or turns text round. */
export const plainLine = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, SENTENCE_MAX);

export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, TERMINAL_MAX);

const TERMINAL_MAX = 500;
const SENTENCE_MAX = 500;
const ASK = 'Ask in Slack: /access request.';

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

type Words = { [Code in RejectionCode]: (rejection: Extract<Rejection, { code: Code }>, at: string) => string };

/** Refusals that only a form in Slack can meet are worded there; a terminal would show them if the two ever met. */
const elsewhere = (): string => `That cannot be done from a terminal. Use Slack: /access help.`;

const WORDS: Words = {
  no_live_grant: () => `You have no access at the moment. ${ASK}`,
  request_waits: ({ requestId }) =>
    `You have no access yet: your request ${short(requestId)} waits for a reviewer. Connect again once it is approved.`,
  grant_expired: ({ at: when }) => `Your access ended at ${minuteUtc(when)}. ${ASK}`,
  grant_revoked: ({ at: when }) => `Your access was ended at ${minuteUtc(when)}. Ask in the engagement's thread why.`,
  target_not_granted: ({ targetId, granted }) =>
    `Your access does not cover ${targetId.slice(0, NAME_MAX)}, but: ${list(granted)}. ${ASK}`,
  login_not_granted: ({ login, granted }) =>
    `Your access is not for the login ${login}, but for: ${list(granted)}. Use that one, or ask for another in Slack.`,
  key_not_in_grant: ({ fingerprint }) =>
    `The key ${fingerprint} is newer than this access, so it is not part of it. Use your earlier key, or ask again in Slack.`,
  target_changed: ({ targetId }) =>
    `The target ${targetId.slice(0, NAME_MAX)} has changed its address or host keys since your access was approved. Ask again in Slack.`,
  grant_tampered: () =>
    'Your grant does not match what was approved, so it counts for nothing. Tell security; they can read it in the log.',
  grants_suspended: () =>
    'All access is suspended until the operators have looked at their restored database. Ask whoever runs Daypass.',
  record_tampered: () =>
    'What is stored about this was changed outside Daypass, so it counts for nothing. Tell security; it is in the audit log.',
  unknown_target_name: ({ given, granted }) =>
    `No target is called "${given.slice(0, NAME_MAX)}". Yours are: ${list(granted)}. Correct the name and connect again.`,
  bad_login_name: ({ given }, at) =>
    `"${given.slice(0, NAME_MAX)}" is no login here. Say ssh <login>+<target>@${at}, or ssh daypass@${at} list for what is yours.`,
  unknown_key: ({ fingerprint }) => `Nobody registered the key ${fingerprint}. In Slack, /access key tells how.`,
  certificate_expired: ({ at: when }) => `Your certificate ran out at ${minuteUtc(when)}. ${ASK}`,
  certificate_refused: ({ why }) =>
    `Your certificate is not accepted: ${why.slice(0, WHY_MAX)}. Connect again: the ssh_config fetches a new one.`,
  proof_invalid: ({ why }) =>
    `Your login could not be verified: ${why.slice(0, WHY_MAX)}. Connect again; if it stays so, fetch the certificate again.`,
  proof_replayed: () => 'This login was used before. Connect again.',
  too_many_logins: ({ max }) =>
    `This key has logged in here ${max} times today; no more before midnight UTC. Certificates go on working.`,
  too_many_sessions: ({ targetId, max }) =>
    `You have ${max} connections to ${targetId.slice(0, NAME_MAX)} already, and no more are allowed at a time. End one, or share one (ControlMaster).`,
  person_inactive: () => 'Your Slack account is deactivated, and access with it. Ask the person who engaged you.',
  person_unseen: ({ since }) =>
    `Slack does not show your account any more, since ${minuteUtc(since)}. Ask the person who engaged you.`,
  person_unconfirmed: ({ since }) =>
    `Slack last confirmed your account at ${minuteUtc(since)}, too long ago, so access rests. Try again once Slack answers.`,
  channel_unread: ({ engagement, since }) =>
    `Slack has not said since ${minuteUtc(since)} who is in the channel of "${engagement.slice(0, NAME_MAX)}", so access in it rests. Ask there to invite Daypass again, then try again.`,
  code_unknown: () => 'That registration code is not known. In Slack, /access key shows a new one.',
  code_expired: () => 'That registration code was used or has run out. In Slack, /access key shows a new one.',
  key_taken: () =>
    'That key belongs to somebody else already. Make a new one with ssh-keygen -t ed25519 and register it.',
  key_retired: ({ fingerprint }) =>
    `The key ${fingerprint} was retired, so it opens nothing. Make a new one with ssh-keygen -t ed25519 and register it.`,
  key_too_weak: ({ why }) =>
    `That key is refused: ${why.slice(0, WHY_MAX)}. Make one with ssh-keygen -t ed25519 and register it.`,
  disk_full: ({ freeMiB }) =>
    `Sessions are recorded, and the disk for that has only ${freeMiB} MiB left, so none can begin. Tell whoever runs Daypass.`,
  no_registered_key: () => 'You have no registered key. In Slack, /access key tells how.',
  unknown_grant: elsewhere,
  may_not_end_grant: elsewhere,
  grant_already_ended: ({ at: when }) => `That access ended at ${minuteUtc(when)}.`,
  unknown_session: elsewhere,
  session_already_ended: ({ at: when }) => `That session ended at ${minuteUtc(when)}.`,
  may_not_end_session: elsewhere,
  unknown_engagement: elsewhere,
  not_a_member: elsewhere,
  engagement_over: elsewhere,
  no_targets: elsewhere,
  target_not_in_engagement: elsewhere,
  login_not_on_target: elsewhere,
  scope_not_in_engagement: elsewhere,
  no_policy_rule: elsewhere,
  duration_too_long: elsewhere,
  reason_missing: elsewhere,
  no_reviewer: elsewhere,
  may_not_open_engagement: elsewhere,
  last_day_past: elsewhere,
  unknown_target: elsewhere,
  unknown_scope: elsewhere,
  unknown_person: elsewhere,
  reviewer_not_eligible: elsewhere,
  too_few_reviewers: elsewhere,
  nothing_allowed: elsewhere,
  name_missing: elsewhere,
  unknown_request: elsewhere,
  own_request: elsewhere,
  requester_gone: elsewhere,
  no_longer_allowed: elsewhere,
  own_engagement: elsewhere,
  nobody_may_open: elsewhere,
  may_not_open_for: elsewhere,
  nobody_to_confirm: elsewhere,
  engagement_unconfirmed: elsewhere,
  may_not_confirm: elsewhere,
  opener_may_not: elsewhere,
  already_confirmed: elsewhere,
  unknown_own_key: elsewhere,
  may_not_retire_key: elsewhere,
  not_a_reviewer: elsewhere,
  digest_mismatch: elsewhere,
  unknown_card: elsewhere,
  already_decided: elsewhere,
  already_reviewed: elsewhere,
};

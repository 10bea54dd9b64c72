import { COMMENT_LIMITS } from '../../access/comment.ts';
import { shownIn } from '../../access/hours.ts';
import { type PersonId, short } from '../../access/ids.ts';
import { REGISTRATION_CODE_MINUTES } from '../../access/person.ts';
import type { NoLongerAllowed, NotEligible, Rejection, RejectionCode } from '../../access/rejection.ts';
import { ASK_LIMITS } from '../../access/request.ts';
import { SIGNING_KEY_HOURS } from '../../access/signing-key.ts';
import { type Line, line, own, strong, value } from './line.ts';
import { plain } from './text.ts';
import { count, duration, utc } from './units.ts';

/** How facts are put into a sentence. */
export type Voice = {
  readonly say: (text: string) => string;
  readonly when: (date: Date) => string;
  readonly name: (person: PersonId) => string;
};

export type NamesOf = ReadonlyMap<PersonId, string>;
const FACT_MAX = 120;
const nameIn = (names: NamesOf, person: PersonId): string => names.get(person) ?? 'somebody';

/** For the plain text of a form's errors. */
export const unmarked = (names: NamesOf): Voice => ({
  say: (text) => plain(text, FACT_MAX),
  when: utc,
  name: (person) => plain(nameIn(names, person), FACT_MAX),
});

type Wording = {
  readonly [Code in RejectionCode]: (facts: Extract<Rejection, { code: Code }>, voice: Voice) => string;
};

const REGISTER = 'Run /access key, or press “Register a key” below the engagement’s message or on Daypass’s Home tab.';
const ASK_AGAIN = 'Request access again with the button below the engagement’s message.';
const ASK_OPENER = 'Ask the person who opened the engagement.';
const REQUEST_ANEW = 'The requester needs to request access again.';
const PICK_ENGAGEMENT = 'Choose an engagement you are a member of. /access list shows them.';
const REFRESH = 'Run /access list to see what is live now.';

const list = (items: readonly string[], voice: Voice): string =>
  items.length === 0 ? 'nothing at the moment' : items.slice(0, 20).map(voice.say).join(', ');

const NOT_ELIGIBLE: Readonly<Record<NotEligible, (name: string) => string>> = {
  opener: (name) => `${name} is opening this engagement and cannot review its requests.`,
  opener_account: (name) =>
    `${name} is another account of the person opening this engagement, who cannot review its requests.`,
  member: (name) => `${name} is a member of this engagement, and members cannot review its requests.`,
  member_account: (name) => `${name} is another account of one of its members, who cannot review its requests.`,
  inactive: (name) => `${name} has no active Slack account.`,
  offboarded: (name) => `${name} was offboarded.`,
  not_full_member: (name) =>
    `${name} is a guest or from another workspace, and only full members of this workspace can review.`,
  not_named: (name) =>
    `policy.yml does not name ${name} as a reviewer. People added to a user group count only after a day.`,
  vendor: (name) => `${name} works for the same vendor in another engagement.`,
};

type ClosedHours = Omit<Extract<NoLongerAllowed, { kind: 'hours' }>, 'kind'>;
const closedHours = ({ rule, opens, zone }: ClosedHours, say: Voice['say']): string =>
  opens === null
    ? `It is now outside the hours of the rule “${say(rule)}”, and the rules for these targets have no hours in common.`
    : `It is now outside the hours of the rule “${say(rule)}”. Access is allowed again ${say(shownIn({ zone }, opens))}.`;

const NO_LONGER: {
  readonly [Kind in NoLongerAllowed['kind']]: (
    why: Extract<NoLongerAllowed, { kind: Kind }>,
    say: Voice['say'],
  ) => string;
} = {
  rule: ({ scope }, say) => `No policy rule allows the scope ${say(scope)} on all of these targets any more.`,
  duration: ({ maxSeconds, rule }, say) => `The rule “${say(rule)}” now allows at most ${duration(maxSeconds)}.`,
  ticket: ({ rule, example }, say) => `The rule “${say(rule)}” now needs ${ticketLike(example, say)}.`,
  hours: closedHours,
  keys: ({ rule, verified }, say) =>
    `The rule “${say(rule)}” now needs a FIDO key${verified ? ' that asks for a PIN or a fingerprint' : ''}.`,
  scope: ({ scope }, say) => `The scope ${say(scope)} now allows less, or no longer exists.`,
  engagement: ({ what, name }, say) => `The engagement no longer includes the ${what} ${say(name)}.`,
  login: ({ login, targetId }, say) => `The login ${say(login)} no longer exists on ${say(targetId)}.`,
};

const ticketLike = (example: string | null, say: Voice['say']): string =>
  example === null ? 'a ticket' : `a ticket, such as ${say(example)}`;

/** What happened, why, and what to do next, in one to three sentences for each refusal. */
const WORDING: Wording = {
  person_inactive: () =>
    'Nothing was done: according to Slack, this account is deactivated, is a bot, or does not belong to this workspace. Ask a workspace admin, then try again.',
  person_offboarded: ({ since }, { when }) =>
    `Nothing was done: this account was offboarded ${when(since)}. If that is wrong, ask your Daypass operator to readmit it.`,
  person_unseen: ({ since }, { when }) =>
    `Nothing was done: this account has not been visible in Slack since ${when(since)}. This happens when somebody leaves or sharing with their workspace ends. Ask to be invited again, then retry.`,
  person_unconfirmed: ({ since }, { when }) =>
    `Nothing was done: Slack last confirmed this account ${when(since)}, which is too long ago. Try again once Slack responds.`,
  channel_unread: ({ engagement, since }, { say, when }) =>
    `Nothing was done: access in ${say(engagement)} is paused, because Slack has not shown who is in its channel since ${when(since)}. Re-invite Daypass to that channel, then try again.`,
  engagement_closed: ({ engagement, at }, { say, when }) =>
    `Nothing was done: the engagement ${say(engagement)} was closed ${when(at)}. ${ASK_OPENER}`,
  no_registered_key: () => `You cannot request access yet, because you have not registered an SSH key. ${REGISTER}`,
  unknown_engagement: () => `That engagement no longer exists. ${PICK_ENGAGEMENT}`,
  not_a_member: () => `You are not a member of this engagement, so you cannot request access in it. ${ASK_OPENER}`,
  engagement_over: ({ endedAt }, { when }) =>
    `You can no longer request access in this engagement: it ended ${when(endedAt)}. ${ASK_OPENER}`,
  engagement_not_begun: ({ beginsAt }, { when }) =>
    `Nothing was done: this engagement begins ${when(beginsAt)}. Try again then.`,
  outside_engagement_hours: ({ opensAt }, { when }) =>
    `Nothing was done: this engagement allows no access at this hour. ${opensAt ? `Its next hours begin ${when(opensAt)}.` : ASK_OPENER}`,
  login_not_in_engagement: ({ login }, { say }) =>
    `The login ${say(login)} is not part of this engagement. Choose another login, or ${ASK_OPENER.toLowerCase()}`,
  no_targets: () => `Choose at least one target, and at most ${ASK_LIMITS.targets}.`,
  target_not_in_engagement: ({ targetId }, { say }) =>
    `The target ${say(targetId)} is not part of this engagement. Choose one of the engagement’s targets.`,
  login_not_on_target: ({ login, targetIds }, voice) =>
    `The login ${voice.say(login)} does not exist on ${list(targetIds, voice)}. Choose another login, or request those targets separately.`,
  scope_not_in_engagement: ({ scope }, { say }) =>
    `The scope ${say(scope)} is not part of this engagement. Choose another scope, or ${ASK_OPENER.toLowerCase()}`,
  fido_key_needed: ({ rule, verified }, { say }) =>
    `The rule “${say(rule)}” needs a FIDO key${verified ? ' that asks for a PIN or a fingerprint' : ''}. Create one with ssh-keygen -t ed25519-sk${verified ? ' -O verify-required' : ''}, register it with /access key, and choose it in the form.`,
  no_policy_rule: () =>
    'No policy rule allows this scope on all of these targets. Request fewer targets or another scope.',
  duration_too_long: ({ maxSeconds, rule }, { say }) =>
    maxSeconds === 0
      ? 'Choose a duration from the list.'
      : `That is too long: the rule “${say(rule)}” allows at most ${duration(maxSeconds)}. Choose a shorter duration. You can request more when it expires.`,
  outside_hours: (closed, { say }) =>
    `${closedHours(closed, say)} ${closed.opens === null ? 'Request them separately.' : 'Request it then.'}`,
  reason_missing: () =>
    `Tell reviewers why you need access, in at most ${ASK_LIMITS.reason} characters. A ticket can have at most ${ASK_LIMITS.ticket}.`,
  secret_found: ({ what }) =>
    `This looks like it contains ${what}. Daypass did not store it, but Slack has seen it: replace it wherever it is used, and write the text without it.`,
  too_many_pending: ({ max }) =>
    `${max === 1 ? 'A request of yours is' : `${count(max, 'request')} of yours are`} waiting for review, which is the limit. Withdraw one with /access list or on Daypass’s Home tab, or wait until one is decided.`,
  same_request_waits: ({ requestId, at }, { say, when }) =>
    `You already requested the same access ${when(at)}, and that request (${say(short(requestId))}) is waiting for review. To change it, press Edit next to it in /access list or on Daypass’s Home tab.`,
  reason_empty: () =>
    'Reviewers need more than that. Tell them what you are going to do and why, such as “Move the order database to the new disk”.',
  ticket_wanted: ({ rule, example }, { say }) =>
    `The rule “${say(rule)}” needs ${ticketLike(example, say)}. Add it, then send the request again.`,
  no_reviewer: ({ needed, found }) =>
    `This needs ${count(needed, 'approval')}, but ${found === 0 ? 'none' : `only ${found}`} of the engagement’s reviewers can give one right now. Reviewers must be active, and cannot be you, somebody from your vendor, or the person who opened the engagement. Ask that person.`,
  may_not_open_engagement: () =>
    'You cannot open an engagement. Only full members of this workspace who are named in policy.yml can. Ask one of them, or your Daypass operator.',
  nobody_may_open: () =>
    'Nobody can open an engagement yet, because policy.yml does not name anyone who may. Ask your Daypass operator to name people there, under engagements. docs/policy.md shows how.',
  may_not_open_for: ({ targetId }, { say }) =>
    `Policy does not let you open an engagement for ${say(targetId)}. Leave it out, or ask your Daypass operator to add you under engagements.openers in policy.yml.`,
  nobody_to_confirm: () =>
    'This would be the first engagement with these targets’ labels, so a second person has to confirm it, but there is nobody who can. Choose a reviewer other than yourself, or ask your Daypass operator to name one under engagements.reviewers in policy.yml.',
  engagement_unconfirmed: () =>
    'This engagement has not started: a second person has to confirm it first. Ask the person who opened it.',
  may_not_confirm: () =>
    'Nothing was confirmed. Only a reviewer named in policy can confirm an engagement, and only if they did not open it, are not a member of it, and do not work for its vendor.',
  opener_may_not: ({ targetId }, { say }) =>
    `Nothing was confirmed: policy no longer lets the person who opened this engagement open one for ${say(targetId)}. Ask somebody who may to open it again, or ask your Daypass operator.`,
  already_confirmed: ({ at }, { when }) => `Nothing to do: this engagement was already confirmed ${when(at)}.`,
  unknown_login: ({ login }, { say }) =>
    `None of these targets has the login ${say(login)}. Choose one from the list, or leave the field empty for every login.`,
  first_day_late: () => 'The first day has to be a date, and not later than the last day.',
  hours_unclear: () =>
    'Write the hours like “Mon-Fri 09:00-17:30, Sat 10:00-14:00”. Leave the field empty if access is possible at any time.',
  unknown_change: () =>
    'Nothing was decided: this change no longer exists. The engagement’s message shows what holds now.',
  may_not_change_engagement: () =>
    'Nothing was changed. Only the person who opened this engagement, and people whom policy lets open one for its targets, can add to it. Its reviewers and security can take away.',
  nothing_changed: () => 'Nothing is different from what the engagement has now. Change something, or press Cancel.',
  engagement_changed: () =>
    'Nothing was decided: the engagement has changed since this was proposed. Whoever proposed it needs to propose it again.',
  own_change: () =>
    'You proposed this change, so somebody else has to review it. The engagement’s other reviewers have the same card.',
  change_decided: ({ outcome, by, at }, { name, when }) =>
    by === null
      ? `Nothing changed: this change ${outcome === 'expired' ? 'expired' : `was ${outcome}`} ${when(at)}.`
      : `Nothing changed: this change was already ${outcome} by ${name(by)}, ${when(at)}.`,
  last_day_past: () => 'That is not a date, or it has already passed. Choose today or later.',
  unknown_target: ({ targetId }, { say }) =>
    `The target ${say(targetId)} is not in the inventory. Choose one from the list, or ask your Daypass operator to add it to targets.yml.`,
  unknown_scope: ({ scope }, { say }) =>
    scope === ''
      ? 'Choose at least one scope. Scopes define what members may do on the targets.'
      : `There is no scope ${say(scope)}. Choose one from the list.`,
  unknown_person: () =>
    'Choose at least one person. You cannot choose bots, or accounts that no longer exist in Slack.',
  reviewer_not_eligible: ({ people }, { name }) =>
    `${people
      .slice(0, 10)
      .map(({ personId, why }) => NOT_ELIGIBLE[why](name(personId)))
      .join(' ')} Choose somebody else.`,
  too_few_reviewers: ({ targetId, scope, rule, needed }, { say }) =>
    `${say(targetId)} needs ${count(needed, 'approval')} for the scope ${say(scope)} (rule “${say(rule)}”). Choose at least ${count(needed, 'reviewer')}.`,
  nothing_allowed: () =>
    'No policy rule allows any of these scopes on any of these targets, so nobody could get access. Choose others, or ask your Daypass operator to add a rule to policy.yml.',
  name_missing: () => 'Enter a name that people will recognise, in at most 80 characters.',
  unknown_request: () =>
    'This request does not exist, or you may not change it. If this message is old, look for the current one in the engagement’s thread.',
  own_request: () =>
    'You cannot review your own request, from any account. The engagement’s other reviewers have the same card.',
  requester_gone: () =>
    'Nothing was granted: the requester is deactivated, no longer visible in Slack, or no longer in the engagement’s channel. If they come back, they need to request access again.',
  no_longer_allowed: ({ why }, { say }) =>
    why.kind === 'hours' && why.opens !== null
      ? `Nothing was decided. ${closedHours(why, say)} If the request still waits by then, approve it then.`
      : `Nothing was decided: this request is no longer allowed. ${NO_LONGER[why.kind](why as never, say)} ${REQUEST_ANEW}`,
  own_engagement: () =>
    'Nothing was decided: you opened this engagement and cannot give access to it on your own. Its other reviewers have the same card.',
  not_a_reviewer: () =>
    'Nothing was decided: you are not a reviewer of this engagement. Its reviewers are the people it names who are active full members of this workspace and do not work for its vendor.',
  digest_mismatch: () =>
    `Nothing was decided: the request no longer matches this button, so it may have been tampered with. Tell security. ${REQUEST_ANEW}`,
  unknown_card: () =>
    'Nothing was decided: this button is not on a review card that Daypass sent you or posted in the engagement’s thread. Use the card in your direct messages with Daypass.',
  already_decided: ({ outcome, by, at }, { name, when }) =>
    by === null
      ? `Nothing changed: this request ${outcome === 'expired' ? 'already expired' : `was already ${outcome}`} ${when(at)}.`
      : `Nothing changed: this request was already ${outcome} by ${name(by)}, ${when(at)}.`,
  already_reviewed: ({ at }, { when }) =>
    `Nothing changed: you already reviewed this request ${when(at)}. It now needs another reviewer.`,
  no_signing_key: () =>
    `Nothing was decided: approvals of this request are signed with your SSH key, and you have not registered one. ${REGISTER} A key counts ${SIGNING_KEY_HOURS} hours after its registration, and only for requests made after it.`,
  signing_key_new: ({ fingerprint, registeredAt, countsFrom }, { say, when }) =>
    `Nothing was decided: your key ${say(fingerprint)} was registered ${when(registeredAt)}. ${countsFrom ? `It can sign reviews from ${when(countsFrom)} on.` : 'That was after access was requested, so it cannot sign this review. Leave it to another reviewer, or ask for the request to be made again.'}`,
  fido_key_wanted: () =>
    `Nothing was decided: approvals of this request are signed with a key on a FIDO device, and you have not registered one. Create one with ssh-keygen -t ed25519-sk. ${REGISTER} A key counts ${SIGNING_KEY_HOURS} hours after its registration, and only for requests made after it.`,
  no_pledge: () =>
    'Nothing was decided: you have not pressed Approve on this request. Press it on the card, then run the command that it shows.',
  pledge_over: ({ at }, { when }) =>
    `Nothing was decided: your approval lapsed ${when(at)}, unsigned. Press Approve again, then run the command that the card shows.`,
  comment_missing: () => `Write a comment, in at most ${COMMENT_LIMITS.length} characters.`,
  too_many_comments: ({ max }) =>
    `This request already has ${count(max, 'comment')}, which is the limit. Continue in the engagement’s thread, or decide the request.`,
  unknown_grant: () => `That access does not exist. ${REFRESH}`,
  may_not_end_grant: () =>
    'Nothing was ended. This access can be ended only by its holder, the person who opened the engagement, its reviewers, or security. Ask one of them in the engagement’s thread.',
  grant_already_ended: ({ at }, { when }) => `Nothing to do: this access already ended ${when(at)}.`,
  unknown_session: () => `That session does not exist. ${REFRESH}`,
  session_already_ended: ({ at }, { when }) => `Nothing to do: this session already ended ${when(at)}.`,
  may_not_end_session: () =>
    'Nothing was ended. This session can be ended only by its holder, the person who opened the engagement, its reviewers, or security. Ask one of them in the engagement’s thread.',
  may_not_offboard: () =>
    'Nobody was offboarded. Security can offboard anybody, and the person who opened an engagement can offboard its members from it.',
  already_offboarded: ({ at }, { when }) => `Nothing to do: this person was already offboarded ${when(at)}.`,
  not_in_engagement: () => 'Nobody was offboarded: this person is not a member of that engagement.',
  may_not_close: () =>
    'Nothing was closed. An engagement can be closed only by the person who opened it, or by security.',
  already_closed: ({ at }, { when }) => `Nothing to do: this engagement was already closed ${when(at)}.`,
  not_offboarded: () => 'Nothing to do: this person is not offboarded.',
  offboarding_unproved: () => 'Not yet: Daypass has not proved that nothing of theirs is left. Try again in a minute.',
  unknown_offboarding: () => 'This checklist does not exist. Look for the current one in security’s channel.',
  may_not_tick: () =>
    'Nothing was ticked. Only security and the person who opened the engagement can tick this checklist.',
  already_ticked: ({ by, at }, { name, when }) => `Nothing changed: ${name(by)} already ticked this ${when(at)}.`,
  code_unknown: () => `This registration code does not exist. ${REGISTER}`,
  code_expired: () =>
    `This registration code was already used, or is more than ${REGISTRATION_CODE_MINUTES} minutes old. ${REGISTER}`,
  key_taken: () => 'This key is already registered to somebody else. Register a key of your own.',
  key_retired: ({ fingerprint }, { say }) =>
    `The key ${say(fingerprint)} was retired and no longer gives access. Register another key with /access key, then request access again.`,
  unknown_own_key: () => 'That key is not yours, or it was retired. Choose one from the list.',
  may_not_retire_key: () =>
    'Nothing was retired. A key can be retired only by its owner, the person who opened an engagement its owner works in, or security. Ask one of them.',
  key_too_weak: ({ why }, { say }) => `This key is not accepted: ${say(why)}. Create one with ssh-keygen -t ed25519.`,
  proof_invalid: ({ why }, { say }) =>
    `The login was refused: ${say(why)}. Connect again. If this keeps happening, tell security.`,
  user_not_verified: () =>
    'The login was refused: this access is for FIDO keys that ask for a PIN or a fingerprint at each login. Create one with ssh-keygen -t ed25519-sk -O verify-required, register it, then request access again.',
  proof_replayed: () =>
    'The login was refused: its proof was used before. Connect again. If that was not you, tell security.',
  too_many_logins: ({ max }) =>
    `This key has logged in to the gateway itself ${max} times today, which is the limit until midnight UTC. Certificates still work.`,
  certificate_refused: ({ why }, { say }) => `The certificate was refused: ${say(why)}. ${ASK_AGAIN}`,
  certificate_expired: ({ at }, { when }) => `The certificate expired ${when(at)}. ${ASK_AGAIN}`,
  unknown_key: ({ fingerprint }, { say }) => `The key ${say(fingerprint)} is not registered. ${REGISTER}`,
  bad_login_name: ({ given }, { say }) =>
    `The gateway does not know the login name “${say(given)}”. Use the commands in the direct message about your access.`,
  unknown_target_name: ({ given, granted }, voice) =>
    `There is no target “${voice.say(given)}” here. You have access to ${list(granted, voice)}.`,
  no_live_grant: () => `You have no access right now. ${ASK_AGAIN}`,
  request_waits: () => 'You have no access yet: your request is waiting for a reviewer. You will get a message here.',
  grant_expired: ({ at }, { when }) => `Your access expired ${when(at)}. ${ASK_AGAIN}`,
  grant_revoked: ({ at }, { when }) =>
    `Your access was ended ${when(at)}. Ask why in the engagement’s thread, or request access again there.`,
  target_not_granted: ({ targetId, granted }, voice) =>
    `Your access does not include ${voice.say(targetId)}. It includes ${list(granted, voice)}. ${ASK_AGAIN}`,
  login_not_granted: ({ login, granted }, voice) =>
    `Your access is not for the login ${voice.say(login)}. It is for ${list(granted, voice)}. ${ASK_AGAIN}`,
  key_not_in_grant: ({ fingerprint }, { say }) =>
    `The approval does not cover the key ${say(fingerprint)}. Use the key you had when you requested access, or request access again.`,
  target_changed: ({ targetId }, { say }) =>
    `The address or host key of ${say(targetId)} has changed since access was requested, so an approval would give access to something else. ${REQUEST_ANEW}`,
  too_many_sessions: ({ targetId, max }, voice) =>
    `You already have ${max} connections to ${voice.say(targetId)}, which is the limit. Close one first.`,
  grant_tampered: () =>
    'The stored grant does not match what was approved, so it is not valid. Tell security, then request access again.',
  grants_suspended: () =>
    'All access is paused: Daypass’s database was restored or replaced, and an operator has not confirmed its contents yet. Ask your Daypass operator.',
  record_tampered: ({ what }, { say }) =>
    `Nothing was decided: a stored record (${say(what)}) was changed outside Daypass, so Daypass ignores it. Tell security. The change is in the audit log.`,
  disk_full: ({ freeMiB }) =>
    `The gateway has only ${freeMiB} MiB left for recordings, and it does not start sessions that it cannot record. Tell your Daypass operator.`,
};

/** The sentence for a refusal. Each code's wording takes that code's facts, which the record's type has checked. */
export function word(rejection: Rejection, voice: Voice): string {
  const wording = WORDING[rejection.code] as (facts: Rejection, voice: Voice) => string;
  return wording(rejection, voice);
}

/** The sentence for a message. Facts are put aside while our own words are read for their marks, so no fact becomes markup. */
export const refusalLine = (rejection: Rejection, names: NamesOf): Line => worded(rejection, names, (words) => words);

/** The same where nobody has tried yet. */
export const reasonLine = (rejection: Rejection, names: NamesOf): Line =>
  worded(rejection, names, (words) =>
    words.replace(/^Nothing was done: (.)/, (_, first: string) => first.toUpperCase()),
  );

function worded(rejection: Rejection, names: NamesOf, edit: (words: string) => string): Line {
  const facts: Line[] = [];
  const aside = (fact: Line): string => `\0${facts.push(fact) - 1}\0`;
  const words = word(rejection, {
    say: (text) => aside(value(text, FACT_MAX)),
    when: (date) => aside(line`${date}`),
    name: (person) => aside(strong(nameIn(names, person), FACT_MAX)),
  });
  return edit(words)
    .split('\0')
    .flatMap((part, index) => (index % 2 === 0 ? own(part) : (facts[Number(part)] ?? [])));
}

/** People whose names a refusal needs. */
export function peopleIn(rejection: Rejection): readonly PersonId[] {
  if (rejection.code === 'already_decided' || rejection.code === 'change_decided')
    return rejection.by ? [rejection.by] : [];
  if (rejection.code === 'already_ticked') return [rejection.by];
  return rejection.code === 'reviewer_not_eligible' ? rejection.people.map(({ personId }) => personId) : [];
}

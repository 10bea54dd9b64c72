import type { PersonId } from '../../access/ids.ts';
import { REGISTRATION_CODE_MINUTES } from '../../access/person.ts';
import type { NoLongerAllowed, NotEligible, Rejection, RejectionCode } from '../../access/rejection.ts';
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

const REGISTER = 'Run /access key, or press “Register a key” under the engagement’s message or on Daypass’s Home tab.';
const ASK_AGAIN = 'Request access again with the button under the engagement’s message.';
const ASK_SPONSOR = 'Ask the person who opened the engagement.';
const PICK_ENGAGEMENT = 'Pick an engagement you are a member of; `/access list` names them.';
const REFRESH = 'Run /access list to see what is live now.';

const list = (items: readonly string[], voice: Voice): string =>
  items.length === 0 ? 'nothing at the moment' : items.slice(0, 20).map(voice.say).join(', ');

const NOT_ELIGIBLE: Readonly<Record<NotEligible, (name: string) => string>> = {
  opener: (name) => `${name} opens this engagement, so somebody else has to review in it.`,
  opener_account: (name) =>
    `${name} is another account of the person who opens this engagement, so somebody else has to review in it.`,
  member: (name) => `${name} is a member of this engagement, and its members do not review in it.`,
  member_account: (name) => `${name} is another account of one of its members, who do not review in it.`,
  inactive: (name) => `${name} has no active account in Slack.`,
  not_full_member: (name) => `${name} is a guest or from another workspace, and only full members of this one review.`,
  not_named: (name) =>
    `${name} is not among those who may review by policy.yml, where people added to a user group count after a day.`,
  vendor: (name) => `${name} works for the same vendor in another engagement.`,
};

const NO_LONGER: {
  readonly [Kind in NoLongerAllowed['kind']]: (
    why: Extract<NoLongerAllowed, { kind: Kind }>,
    say: Voice['say'],
  ) => string;
} = {
  rule: ({ scope }, say) => `No policy rule now allows the scope ${say(scope)} on all of these targets.`,
  duration: ({ maxSeconds, rule }, say) => `The rule “${say(rule)}” now allows at most ${duration(maxSeconds)}.`,
  scope: ({ scope }, say) => `The scope ${say(scope)} now allows less, or is gone.`,
  login: ({ login, targetId }, say) => `The login ${say(login)} does not exist on ${say(targetId)} any more.`,
};

/** What happened, why, and what to do next: one sentence or three for every refusal there is. */
const WORDING: Wording = {
  person_inactive: () =>
    'Nothing was done: Slack says this account is deactivated, is a bot, or does not belong to this workspace. Ask a workspace admin, then try again.',
  person_unseen: ({ since }, { when }) =>
    `Nothing was done: Slack has not shown this account since ${when(since)}, as happens when somebody leaves or sharing with their workspace ends. Ask to be invited again, then try again.`,
  person_unconfirmed: ({ since }, { when }) =>
    `Nothing was done: Slack last confirmed this account at ${when(since)}, and that is too long ago. Try again once Slack answers.`,
  channel_unread: ({ engagement, since }, { say, when }) =>
    `Nothing was done: Slack has not said since ${when(since)} who is in the channel of ${say(engagement)}, so access in it is paused. Invite Daypass to that channel (again), then try once more.`,
  no_registered_key: () => `You cannot request access yet, because you have no SSH key registered. ${REGISTER}`,
  unknown_engagement: () => `That engagement no longer exists. ${PICK_ENGAGEMENT}`,
  not_a_member: () => `You are not a member of this engagement, so you cannot request access in it. ${ASK_SPONSOR}`,
  engagement_over: ({ endedAt }, { when }) =>
    `This engagement ended on ${when(endedAt)}, so access can no longer be requested in it. ${ASK_SPONSOR}`,
  no_targets: () => 'Choose at least one target, and at most 50 of them.',
  target_not_in_engagement: ({ targetId }, { say }) =>
    `The target ${say(targetId)} is not part of this engagement. Choose one of the engagement’s targets.`,
  login_not_on_target: ({ login, targetIds }, voice) =>
    `The login ${voice.say(login)} does not exist on ${list(targetIds, voice)}. Choose another login, or request those targets separately.`,
  scope_not_in_engagement: ({ scope }, { say }) =>
    `The scope ${say(scope)} is not part of this engagement. Choose another scope; ${ASK_SPONSOR.toLowerCase()}`,
  no_policy_rule: () =>
    'No policy rule allows this scope on all of these targets. Request fewer targets, or another scope.',
  duration_too_long: ({ maxSeconds, rule }, { say }) =>
    maxSeconds === 0
      ? 'Choose a duration from the list.'
      : `That is too long: the rule “${say(rule)}” allows at most ${duration(maxSeconds)}. Choose a shorter duration; you can request more when it runs out.`,
  reason_missing: () =>
    'Reviewers need to know why. Write a reason of at most 1000 characters, and a ticket of at most 200.',
  no_reviewer: ({ needed, found }) =>
    `This needs ${count(needed, 'approval')}, and ${found === 0 ? 'nobody' : `only ${found}`} of the engagement’s reviewers can give one at the moment: they have to be active, and not you, of your vendor, or whoever opened it. ${ASK_SPONSOR}`,
  may_not_open_engagement: () =>
    'You cannot open an engagement: policy.yml names who may, among the full members of this workspace. Ask a colleague who may, or the operators.',
  nobody_may_open: () =>
    'Nobody can open an engagement yet: policy.yml does not say who may. Operators add it under engagements; docs/policy.md has the lines.',
  may_not_open_for: ({ targetId }, { say }) =>
    `Policy does not let you open an engagement for ${say(targetId)}. Leave it out, or ask the operators to add you in policy.yml under engagements.openers.`,
  nobody_to_confirm: () =>
    'This would be the first engagement on these targets’ labels, so a second person has to confirm it, and nobody can. Choose a reviewer other than yourself, or ask the operators to name one in policy.yml under engagements.reviewers.',
  engagement_unconfirmed: () =>
    'This engagement has not begun: a second person has to confirm it first. Ask the person who opened it.',
  may_not_confirm: () =>
    'Nothing was confirmed: an engagement is confirmed by a reviewer named in policy who did not open it, is not a member of it and does not work for its vendor.',
  opener_may_not: ({ targetId }, { say }) =>
    `Nothing was confirmed: policy no longer lets who opened this engagement open one for ${say(targetId)}. Have it opened again by somebody who may, or ask the operators.`,
  already_confirmed: ({ at }, { when }) => `Nothing to do: this engagement was already confirmed at ${when(at)}.`,
  last_day_past: () => 'That day has already passed, or is not a date. Choose today or later.',
  unknown_target: ({ targetId }, { say }) =>
    `The target ${say(targetId)} is not in the inventory. Choose from the list, or have it added to targets.yml.`,
  unknown_scope: ({ scope }, { say }) =>
    scope === ''
      ? 'Choose at least one scope. It says what members may do on the targets.'
      : `There is no scope ${say(scope)}. Choose from the list.`,
  unknown_person: () => 'Choose at least one person. Bots, and accounts that Slack no longer knows, cannot be chosen.',
  reviewer_not_eligible: ({ people }, { name }) =>
    `${people
      .slice(0, 10)
      .map(({ personId, why }) => NOT_ELIGIBLE[why](name(personId)))
      .join(' ')} Choose somebody else.`,
  too_few_reviewers: ({ targetId, scope, rule, needed }, { say }) =>
    `${say(targetId)} needs ${count(needed, 'approval')} for the scope ${say(scope)} (rule “${say(rule)}”); choose at least ${count(needed, 'reviewer')}.`,
  nothing_allowed: () =>
    'No policy rule allows any of these scopes on any of these targets, so nobody could get access. Choose others, or ask the operators to add a rule to policy.yml.',
  name_missing: () => 'Write a name of at most 80 characters that people will recognise.',
  unknown_request: () =>
    'There is no such request, or it is not yours to change. If this message is old, look for the current one in the engagement’s thread.',
  own_request: () =>
    'Nobody reviews their own request, from any account. The engagement’s other reviewers have the same card.',
  requester_gone: () =>
    'Nothing was granted: the requester is deactivated, no longer visible in Slack, or no longer in the engagement’s Slack conversation. If they are back, have access requested again.',
  no_longer_allowed: ({ why }, { say }) =>
    `Nothing was decided: it could be requested, but not any more. ${NO_LONGER[why.kind](why as never, say)} Have access requested again.`,
  own_engagement: () =>
    'Nothing was decided: you opened this engagement, and nobody alone gives access to what they opened. Its other reviewers have the same card.',
  not_a_reviewer: () =>
    'Nothing was decided: you do not review for this engagement. Its reviewers are the active full members of this workspace that it names, and none of them work for its vendor.',
  digest_mismatch: () =>
    'Nothing was decided: the request no longer says what this button stands for. It may have been tampered with. Tell security, and have access requested again.',
  unknown_card: () =>
    'Nothing was decided: this button is not on a review card that Daypass sent you or posted to the engagement’s thread. Use the card in your direct messages with Daypass.',
  already_decided: ({ outcome, by, at }, { name, when }) =>
    by === null
      ? `Nothing changed: this request was already ${outcome} at ${when(at)}.`
      : `Nothing changed: already ${outcome} by ${name(by)} at ${when(at)}.`,
  already_reviewed: ({ at }, { when }) =>
    `Nothing changed: your own review was taken at ${when(at)}. Another reviewer is needed now.`,
  unknown_grant: () => `There is no such access. ${REFRESH}`,
  may_not_end_grant: () =>
    'Nothing was ended: only its holder, the engagement’s sponsor or reviewers, and security can end this access. Ask one of them in the engagement’s thread.',
  grant_already_ended: ({ at }, { when }) => `Nothing to do: this access already ended at ${when(at)}.`,
  unknown_session: () => `There is no such session. ${REFRESH}`,
  session_already_ended: ({ at }, { when }) => `Nothing to do: this session already ended at ${when(at)}.`,
  may_not_end_session: () =>
    'Nothing was ended: only its holder, the engagement’s sponsor or reviewers, and security can end this session. Ask one of them in the engagement’s thread.',
  code_unknown: () => `This registration code is not known. ${REGISTER}`,
  code_expired: () =>
    `This registration code was used, or is older than ${REGISTRATION_CODE_MINUTES} minutes. ${REGISTER}`,
  key_taken: () => 'This key is already registered to somebody else. Register a key of your own.',
  key_retired: ({ fingerprint }, { say }) =>
    `The key ${say(fingerprint)} was retired, so it gets no access. Register another one with /access key, then request access again.`,
  unknown_own_key: () => 'That is not one of your keys, or it was retired. Choose one from the list.',
  may_not_retire_key: () =>
    'Nothing was retired: a key is retired by its owner, by the person who opened an engagement its owner works in, or by security. Tell one of them.',
  key_too_weak: ({ why }, { say }) => `This key is not accepted: ${say(why)}. Make one with ssh-keygen -t ed25519.`,
  proof_invalid: ({ why }, { say }) =>
    `The login was refused: ${say(why)}. Connect again; if it keeps happening, tell security.`,
  proof_replayed: () =>
    'The login was refused: its proof was used before. Connect again; if it was not you, tell security.',
  too_many_logins: ({ max }) =>
    `This key has logged in to the gateway itself ${max} times today, and no more are taken before midnight UTC. Certificates go on working.`,
  certificate_refused: ({ why }, { say }) => `The certificate was refused: ${say(why)}. ${ASK_AGAIN}`,
  certificate_expired: ({ at }, { when }) => `The certificate expired at ${when(at)}. ${ASK_AGAIN}`,
  unknown_key: ({ fingerprint }, { say }) => `The key ${say(fingerprint)} is not registered. ${REGISTER}`,
  bad_login_name: ({ given }, { say }) =>
    `“${say(given)}” is not a login name the gateway knows. Use the lines in the direct message about your access.`,
  unknown_target_name: ({ given, granted }, voice) =>
    `“${voice.say(given)}” is not a target here. You have access to ${list(granted, voice)}.`,
  no_live_grant: () => `You have no live access. ${ASK_AGAIN}`,
  request_waits: () => 'You have no access yet: your request waits for a reviewer. You will be told here.',
  grant_expired: ({ at }, { when }) => `Your access ran out at ${when(at)}. ${ASK_AGAIN}`,
  grant_revoked: ({ at }, { when }) =>
    `Your access was ended at ${when(at)}. Ask in the engagement’s thread why, or ask for access again there.`,
  target_not_granted: ({ targetId, granted }, voice) =>
    `Your access does not include ${voice.say(targetId)}; it includes ${list(granted, voice)}. ${ASK_AGAIN}`,
  login_not_granted: ({ login, granted }, voice) =>
    `Your access is not for the login ${voice.say(login)}; it is for ${list(granted, voice)}. ${ASK_AGAIN}`,
  key_not_in_grant: ({ fingerprint }, { say }) =>
    `The key ${say(fingerprint)} was not part of what was approved. Use the key you had when you requested access, or request it again.`,
  target_changed: ({ targetId }, { say }) =>
    `The address or host key of ${say(targetId)} changed after access was requested, so approving it would open something else. Have access requested again.`,
  too_many_sessions: ({ targetId, max }, voice) =>
    `You already have ${max} connections to ${voice.say(targetId)}, the most allowed at a time. Close one first.`,
  grant_tampered: () =>
    'The stored grant does not match what was approved, so it is not valid. Tell security, then request access again.',
  grants_suspended: () =>
    'All access is suspended: the database of Daypass was restored or exchanged, and an operator has yet to confirm what it says. Ask whoever runs Daypass.',
  record_tampered: ({ what }, { say }) =>
    `Nothing was decided: what is stored here (${say(what)}) was changed outside Daypass, so it counts for nothing. Tell security; it is in the audit log.`,
  disk_full: ({ freeMiB }) =>
    `The gateway has ${freeMiB} MiB left for recordings, and it starts no session that it cannot record. Tell whoever runs Daypass.`,
};

/** The sentence for a refusal. Each code's wording takes that code's facts, which the record's type has checked. */
export function word(rejection: Rejection, voice: Voice): string {
  const wording = WORDING[rejection.code] as (facts: Rejection, voice: Voice) => string;
  return wording(rejection, voice);
}

/** The sentence for a message. Facts are put aside while our own words are read for their marks, so no fact becomes markup. */
export function refusalLine(rejection: Rejection, names: NamesOf): Line {
  const facts: Line[] = [];
  const aside = (fact: Line): string => `\0${facts.push(fact) - 1}\0`;
  const sentence = word(rejection, {
    say: (text) => aside(value(text, FACT_MAX)),
    when: (date) => aside(line`${date}`),
    name: (person) => aside(strong(nameIn(names, person), FACT_MAX)),
  });
  return sentence.split('\0').flatMap((part, index) => (index % 2 === 0 ? own(part) : (facts[Number(part)] ?? [])));
}

/** People whose names a refusal needs. */
export function peopleIn(rejection: Rejection): readonly PersonId[] {
  if (rejection.code === 'already_decided') return rejection.by ? [rejection.by] : [];
  return rejection.code === 'reviewer_not_eligible' ? rejection.people.map(({ personId }) => personId) : [];
}

import type { PersonId } from '../access/ids.ts';
import { REGISTRATION_CODE_MINUTES } from '../access/person.ts';
import type { Rejection, RejectionCode } from '../access/rejection.ts';
import { escapeText, plain } from './text.ts';
import { duration, utc, when } from './words.ts';

/** How facts are put into a sentence: for mrkdwn, or for the plain text of a form's errors. */
export type Voice = {
  readonly say: (text: string) => string;
  readonly when: (date: Date) => string;
  readonly name: (person: PersonId) => string;
};

export type NamesOf = ReadonlyMap<PersonId, string>;
const FACT_MAX = 120;
const nameIn = (names: NamesOf, person: PersonId): string => names.get(person) ?? 'somebody';

export const markup = (names: NamesOf): Voice => ({
  say: (text) => escapeText(text, FACT_MAX),
  when,
  name: (person) => escapeText(nameIn(names, person), FACT_MAX),
});

export const unmarked = (names: NamesOf): Voice => ({
  say: (text) => plain(text, FACT_MAX),
  when: utc,
  name: (person) => plain(nameIn(names, person), FACT_MAX),
});

type Wording = {
  readonly [Code in RejectionCode]: (facts: Extract<Rejection, { code: Code }>, voice: Voice) => string;
};

const REGISTER = 'Run /access key, or press “Register a key” in the engagement’s thread or in Daypass’s Home tab.';
const ASK_AGAIN = 'Ask for access again with the Request button in the engagement’s thread.';
const ASK_SPONSOR = 'Ask the person who opened the engagement.';
const PICK_ENGAGEMENT = 'Pick an engagement that you work in; `/access list` names them.';
const REFRESH = 'Open the list again with /access list: it shows what is live now.';

const list = (items: readonly string[], voice: Voice): string =>
  items.length === 0 ? 'nothing at this moment' : items.slice(0, 20).map(voice.say).join(', ');

/** What happened, why, and what to do next: one sentence or three for every refusal there is. */
const WORDING: Wording = {
  person_inactive: () =>
    'Daypass did nothing: Slack says that this account is deactivated, a bot, or not of this workspace. Ask a workspace admin, then try again.',
  no_registered_key: () =>
    `You cannot ask for access yet: no SSH key of yours is registered, and a certificate is issued for a key. ${REGISTER}`,
  unknown_engagement: () => `That engagement is not there any more. ${PICK_ENGAGEMENT}`,
  not_a_member: () => `You are not a member of this engagement, so nothing can be asked for in it. ${ASK_SPONSOR}`,
  engagement_over: ({ endedAt }, { when }) =>
    `This engagement ended on ${when(endedAt)}; nothing can be asked for in it any more. ${ASK_SPONSOR}`,
  no_targets: () => 'No target is chosen, or more than fifty. Choose between 1 and 50.',
  target_not_in_engagement: ({ targetId }, { say }) =>
    `The target ${say(targetId)} does not belong to this engagement. Choose from the engagement’s own targets.`,
  login_not_on_target: ({ login, targetIds }, voice) =>
    `The login ${voice.say(login)} does not exist on ${list(targetIds, voice)}. Choose another login, or leave those targets out and ask for them apart.`,
  scope_not_in_engagement: ({ scope }, { say }) =>
    `The scope ${say(scope)} is not part of this engagement. Choose another scope; ${ASK_SPONSOR.toLowerCase()}`,
  no_policy_rule: () =>
    'No policy rule allows this scope on all of these targets together, so the answer is no. Ask for fewer targets or another scope.',
  duration_too_long: ({ maxSeconds, rule }, { say }) =>
    maxSeconds === 0
      ? 'This is not a duration. Choose one of the list.'
      : `That is too long: the rule “${say(rule)}” allows at most ${duration(maxSeconds)}. Choose a shorter duration; you can ask again when it runs out.`,
  reason_missing: () =>
    'A reviewer needs to know why. Write a reason of at most 1000 characters; a ticket has at most 200.',
  no_reviewer: () =>
    'Nobody could review this: the engagement has too few reviewers who are active members, not the requester and not of the same vendor. ' +
    ASK_SPONSOR,
  may_not_open_engagement: () =>
    'You cannot open an engagement: only full members of this workspace can, and guests or people of other workspaces cannot. Ask a colleague who is a member.',
  last_day_past: () => 'The last day is over already, or is not a date. Choose today or a later day.',
  unknown_target: ({ targetId }, { say }) =>
    `The target ${say(targetId)} is not in the inventory. Choose from the list, or have it added to targets.yml.`,
  unknown_scope: ({ scope }, { say }) =>
    scope === ''
      ? 'No scope is chosen. Choose at least one: it says what members may do on the targets.'
      : `There is no scope ${say(scope)}. Choose from the list.`,
  unknown_person: () =>
    'Nobody is chosen, or one of these accounts is a bot or not known to Slack any more. Choose at least one person, and only people.',
  reviewer_not_eligible: ({ personIds }, { name }) =>
    `${personIds.slice(0, 20).map(name).join(', ')} cannot review here: reviewers are active full members of this workspace, not members of the engagement, and do not work for its vendor. Choose somebody else.`,
  name_missing: () =>
    'The name is missing, or longer than 80 characters. Write a short name that people will recognise.',
  unknown_request: () =>
    'This request is not there, or not yours to touch. If the message is old, look at the engagement’s thread for the present one.',
  own_request: () =>
    'Nobody reviews their own request, through whichever account. The engagement’s other reviewers have the same card.',
  not_a_reviewer: () =>
    'Nothing was decided: you do not review for this engagement. Reviewers are active full members of this workspace whom the engagement names, and who do not work for its vendor.',
  digest_mismatch: () =>
    'Nothing was decided: this button is for something else than what the request says now. The request may have been tampered with; tell security, and have it asked again.',
  unknown_card: () =>
    'Nothing was decided: this button is not on a review card that Daypass sent you or posted to the engagement’s thread. Use the card in your direct messages with Daypass.',
  already_decided: ({ outcome, by, at }, { name, when }) =>
    by === null
      ? `Nothing changed: this request was already ${outcome} at ${when(at)}.`
      : `Nothing changed: already ${outcome} by ${name(by)} at ${when(at)}.`,
  already_reviewed: ({ at }, { when }) =>
    `Nothing changed: your own review was taken at ${when(at)}. Another reviewer is needed now.`,
  unknown_grant: () => `That grant is not there. ${REFRESH}`,
  may_not_end_grant: () =>
    'Nothing was ended: a grant is ended by its holder, the engagement’s sponsor or reviewers, or security. Tell one of them in the engagement’s thread.',
  grant_already_ended: ({ at }, { when }) => `Nothing to do: this access ended at ${when(at)} already.`,
  unknown_session: () => `That session is not there. ${REFRESH}`,
  session_already_ended: ({ at }, { when }) => `Nothing to do: this session ended at ${when(at)} already.`,
  may_not_end_session: () =>
    'Nothing was ended: a session is ended by its holder, the engagement’s sponsor or reviewers, or security. Tell one of them in the engagement’s thread.',
  code_unknown: () => `This registration code is not known. ${REGISTER}`,
  code_expired: () =>
    `This registration code was used, or is older than ${REGISTRATION_CODE_MINUTES} minutes. ${REGISTER}`,
  key_taken: () =>
    'This key belongs to somebody else already, and one key is one person’s. Register a key of your own.',
  key_too_weak: ({ why }, { say }) => `This key is not accepted: ${say(why)}. Make one with ssh-keygen -t ed25519.`,
  proof_invalid: ({ why }, { say }) =>
    `The login was refused: ${say(why)}. Connect again; if it stays so, tell security.`,
  proof_replayed: () =>
    'The login was refused: its proof was used before. Connect again; if you did not, tell security.',
  certificate_refused: ({ why }, { say }) => `The certificate was refused: ${say(why)}. ${ASK_AGAIN}`,
  certificate_expired: ({ at }, { when }) => `The certificate expired at ${when(at)}. ${ASK_AGAIN}`,
  unknown_key: ({ fingerprint }, { say }) => `The key ${say(fingerprint)} is registered to nobody. ${REGISTER}`,
  bad_login_name: ({ given }, { say }) =>
    `“${say(given)}” is not a login name that the gateway knows. Use the lines in the direct message that brought your certificate.`,
  unknown_target_name: ({ given, granted }, voice) =>
    `“${voice.say(given)}” is no target here. Granted to you: ${list(granted, voice)}.`,
  no_live_grant: () => `You have no live access. ${ASK_AGAIN}`,
  grant_expired: ({ at }, { when }) => `Your access ran out at ${when(at)}. ${ASK_AGAIN}`,
  grant_revoked: ({ at }, { when }) =>
    `Your access was ended at ${when(at)}. Ask in the engagement’s thread why, or ask for access again there.`,
  target_not_granted: ({ targetId, granted }, voice) =>
    `Your access does not include ${voice.say(targetId)}; it includes ${list(granted, voice)}. ${ASK_AGAIN}`,
  login_not_granted: ({ login, granted }, voice) =>
    `Your access is not for the login ${voice.say(login)}; it is for ${list(granted, voice)}. ${ASK_AGAIN}`,
  key_not_in_grant: ({ fingerprint }, { say }) =>
    `The key ${say(fingerprint)} was not part of what was approved. Use the key you had when you asked, or ask again.`,
  target_changed: ({ targetId }, { say }) =>
    `The address or host key of ${say(targetId)} changed since it was asked for, so what was asked for is not what would be reached. Have it asked again.`,
  too_many_sessions: ({ targetId, max }, voice) =>
    `There are ${max} connections to ${voice.say(targetId)} already, and no more are allowed at a time. End one first.`,
  grant_tampered: () =>
    'The stored grant does not match what was approved, so it counts for nothing. Tell security; then ask again.',
  disk_full: ({ freeMiB }) =>
    `The gateway has ${freeMiB} MiB left for recordings, and without a recording there is no session. Tell the operators of Daypass.`,
};

/** The sentence for a refusal. Each code's wording takes that code's facts, which the record's type has checked. */
export function word(rejection: Rejection, voice: Voice): string {
  const wording = WORDING[rejection.code] as (facts: Rejection, voice: Voice) => string;
  return wording(rejection, voice);
}

/** People whose names a refusal needs. */
export function peopleIn(rejection: Rejection): readonly PersonId[] {
  if (rejection.code === 'already_decided') return rejection.by ? [rejection.by] : [];
  return rejection.code === 'reviewer_not_eligible' ? rejection.personIds : [];
}

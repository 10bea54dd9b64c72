import type {
  EndRejection,
  OffboardRejection,
  RegisterRejection,
  Rejection,
  ReviewRejection,
} from '../access/rejection.ts';

/** All that a command can be refused with. */
type CommandRejection =
  | EndRejection
  | Exclude<OffboardRejection, { code: 'may_not_tick' | 'already_ticked' }>
  | Extract<ReviewRejection, { code: 'unknown_request' | 'already_decided' }>
  | Extract<RegisterRejection, { code: 'key_retired' }>;
type Words = {
  readonly [Code in CommandRejection['code']]: (rejection: Extract<CommandRejection, { code: Code }>) => string;
};

const WORDS: Words = {
  unknown_grant: () => 'No grant has this id. To list them: daypass grants list',
  may_not_end_grant: () => 'You may not end this grant.',
  grant_already_ended: ({ at }) => `That grant ended at ${at.toISOString()}.`,
  unknown_session: () => 'No live session has this id. To list them: daypass sessions list',
  may_not_end_session: () => 'You may not end this session.',
  session_already_ended: ({ at }) => `That session ended at ${at.toISOString()}.`,
  secret_found: ({ what, field }) =>
    field === 'comment'
      ? `Nothing was ended: the comment looks like it contains ${what}, and the person would read it. Run the command without it.`
      : `The ${field} looks like it contains ${what}, so nothing was done or stored. Write it without the secret, and replace the secret: your shell may keep it in its history.`,
  may_not_offboard: () => 'You may not offboard this person.',
  already_offboarded: ({ at }) => `That person was already offboarded at ${at.toISOString()}.`,
  not_in_engagement: () =>
    'That person is not a member of that engagement. To see who is: daypass engagements show <id>',
  may_not_close: () => 'You may not close this engagement.',
  already_closed: ({ at }) => `That engagement was already closed at ${at.toISOString()}.`,
  not_offboarded: () => 'That person is not offboarded there, so there is nothing to undo.',
  offboarding_unproved: () =>
    'Daypass has not proved yet that nothing of theirs is left. To see how far it is: daypass offboard list',
  unknown_offboarding: () => 'No offboarding has this id. To list them: daypass offboard list',
  unknown_request: () => 'No request has this id. To list them: daypass requests list',
  already_decided: ({ outcome, at }) => `That request is already ${outcome}, since ${at.toISOString()}.`,
  may_not_retire_key: () => 'You may not retire this key.',
  key_retired: ({ fingerprint }) => `The key ${fingerprint} is already retired.`,
};

/** What an operator reads whose command was refused. */
export function wordForOperator(rejection: Rejection): string {
  // Control may run another version, which refuses with codes that this one does not know.
  if (!Object.hasOwn(WORDS, rejection.code)) return `Refused: ${rejection.code.replaceAll('_', ' ')}.`;
  const word = WORDS[rejection.code as CommandRejection['code']] as (rejection: Rejection) => string;
  return word(rejection);
}

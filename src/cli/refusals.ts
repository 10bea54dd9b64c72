import type { EndRejection, RegisterRejection, Rejection } from '../access/rejection.ts';

/** All that a command can be refused with. */
type CommandRejection = EndRejection | Extract<RegisterRejection, { code: 'key_retired' }>;
type Words = {
  readonly [Code in CommandRejection['code']]: (rejection: Extract<CommandRejection, { code: Code }>) => string;
};

const WORDS: Words = {
  secret_found: ({ what }) =>
    `Nothing was ended: the comment looks like it contains ${what}, and the person would read it. Run the command without it.`,
  unknown_grant: () => 'No grant has this id. To list them: daypass grants list',
  may_not_end_grant: () => 'You may not end this grant.',
  grant_already_ended: ({ at }) => `That grant ended at ${at.toISOString()}.`,
  unknown_session: () => 'No live session has this id. To list them: daypass sessions list',
  may_not_end_session: () => 'You may not end this session.',
  session_already_ended: ({ at }) => `That session ended at ${at.toISOString()}.`,
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

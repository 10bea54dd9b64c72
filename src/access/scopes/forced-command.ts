import { commandLine } from './command-words.ts';
import { isExact } from './exec-patterns.ts';
import type { Scope } from './scope.ts';

/** Read-only whatever the client asks; sshd runs it itself, without the login's shell and what that reads at start. */
const READ_ONLY_SFTP = 'internal-sftp -R';
/** Every shell has it built in. */
const NOTHING = 'exit 1';

/**
 * What the target runs in any session channel, whatever was asked there: where a scope comes down to one thing, its sshd holds it to
 * that, even against somebody who got hold of the session's key. Null where the scope leaves a choice, which sshd cannot make.
 *
 * Writing files leaves one: scp's old protocol is a command, `scp -t`.
 */
export function forcedCommand(scope: Scope): string | null {
  if (scope.shell || scope.exec === 'any') return null;
  if (scope.files) return scope.exec === 'none' && scope.files.rights === 'read' ? READ_ONLY_SFTP : null;
  if (scope.exec === 'none') return NOTHING;
  const [only, ...others] = scope.exec;
  return only && others.length === 0 && isExact(only) ? commandLine(only) : null;
}

/** Whether the target answers every session channel with SFTP. */
export const isSftpAlone = (scope: Scope): boolean => forcedCommand(scope) === READ_ONLY_SFTP;

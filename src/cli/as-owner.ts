import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { OperatorAccount } from '../access/audit-event.ts';

/**
 * Goes on under the account that the data folder belongs to. What root writes there, control under its own account could not open,
 * and keys are read by nobody but their owner.
 */
export function actAsOwnerOf(dataDir: string): void {
  if (process.geteuid?.() !== 0) return;
  const owner = statSync(dataDir, { throwIfNoEntry: false });
  if (!owner || owner.uid === 0) return;
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}

const started = { uid: process.getuid?.(), sudo: process.env['SUDO_USER'] };

/** Who ran the command: the account that it was started under, and behind sudo the one that asked for that. */
export function operatorAccount(): OperatorAccount {
  const own = started.uid === process.getuid?.() ? nameOf() : null;
  const account = own ?? (started.uid === 0 ? 'root' : `uid ${started.uid}`);
  return { account: started.sudo ? `${account} (sudo: ${started.sudo.slice(0, 100)})` : account };
}

/** There are uids without an account. */
function nameOf(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

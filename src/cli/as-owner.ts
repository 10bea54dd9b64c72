import { statSync } from 'node:fs';

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

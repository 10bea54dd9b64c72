import { readFileSync } from 'node:fs';

/** Whether a process runs. One that has ended and is not reaped yet, as in containers whose first process reaps none, does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

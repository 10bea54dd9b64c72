import { readFileSync } from 'node:fs';

/**
 * When a process began, in the kernel's ticks: a pid that was given to another process does not count. Empty where it is gone.
 * proc_pid_stat(5), field 22. What stands before is the program's name in parentheses, which may hold anything.
 */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { startOf } from './process-start.ts';

/** A process, so that another can tell later whether it still lives. */
export type Holder = {
  readonly host: string;
  readonly pid: number;
  /** Of the kernel that runs and of the namespace that the pid is from; empty where it cannot be known. */
  readonly boot: string;
  /** When the process started, in the kernel's ticks since its boot; empty where it cannot be known. */
  readonly started: string;
};

export const thisProcess = (): Holder => ({
  host: hostname(),
  pid: process.pid,
  boot: kernelAndNamespace(),
  started: startOf(process.pid),
});

/**
 * Whether a process certainly lives no more. Only on the machine, and in the process namespace, that it ran in can that be told: a pid
 * that nobody has, or that a younger process took over.
 */
export function isDead(holder: Holder): boolean {
  const here = kernelAndNamespace();
  if (here === '' || holder.boot !== here) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  const started = startOf(holder.pid);
  return started !== '' && holder.started !== '' && started !== holder.started;
}

function kernelAndNamespace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

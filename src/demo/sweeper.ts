import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Ends what people started on the demo's targets and left running. It is a separate process that waits for the demo to end or die, so that
 * not even kill -9 leaves anything behind. It recognises a process by SSH_CONNECTION, which names the target's port.
 */
export type Sweeper = AsyncDisposable;

const SCRIPT = `
trap '' INT TERM HUP
ports=$1 made=$2
read -r word || word=died
sweep() { grep -lsazE "^SSH_CONNECTION=[^ ]+ [0-9]+ [^ ]+ ($ports)$" /proc/[0-9]*/environ | cut -d/ -f3; }
round=0
while [ $round -lt 10 ]; do
  left=$(sweep)
  [ -n "$left" ] && kill -9 $left 2>/dev/null
  [ -z "$left" ] && [ "$word" = over ] && break
  [ -z "$left" ] && [ $round -ge 3 ] && break
  round=$((round + 1))
  sleep 0.3
done
[ -n "$made" ] && rmdir "$made" 2>/dev/null
exit 0
`;
const END_MS = 10_000;

/** `madeFolder` is one that was made for sshd's sake and goes with the demo. */
export function startSweeper(ports: readonly number[], madeFolder: string | null): Sweeper {
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'daypass-demo-sweeper', ports.join('|'), madeFolder ?? ''],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
  const closed = once(child, 'close');
  child.stdin?.on('error', () => {});
  return {
    async [Symbol.asyncDispose]() {
      child.stdin?.end('over\n');
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

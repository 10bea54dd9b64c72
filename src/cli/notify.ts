import { execFile } from 'node:child_process';

/**
 * Tells systemd how far this service is (sd_notify(3)), where it asked to be told. Node.js has no datagram sockets of Unix, so
 * systemd's own program sends it; a service manager that hears nothing is the only loss where there is none.
 */
export function notifyServiceManager(state: 'ready' | 'stopping'): void {
  if (!process.env['NOTIFY_SOCKET']) return;
  const args = state === 'ready' ? ['--ready'] : ['STOPPING=1'];
  execFile('systemd-notify', args, { timeout: 5_000 }, (error) => {
    if (error) process.stderr.write(`daypass: could not notify systemd (${state}): ${error.message.split('\n')[0]}\n`);
  });
}

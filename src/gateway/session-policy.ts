import type { ChannelPolicy } from './channel-table.ts';
import { OPEN_FAILURE } from './messages.ts';
import type { Session } from './session.ts';

/** Channel types of RFC 4254 §7 and OpenSSH's PROTOCOL, as they are told to security. */
const REFUSED_CHANNELS: Readonly<Record<string, string>> = {
  'direct-tcpip': 'a tunnel from the client (-L, -D, -W)',
  'direct-streamlocal@openssh.com': 'a tunnel to a socket on the target (-L)',
  'tun@openssh.com': 'a network tunnel (-w)',
};
const REFUSED_REQUESTS: Readonly<Record<string, string>> = {
  'tcpip-forward': 'a tunnel from the target (-R)',
  'streamlocal-forward@openssh.com': 'a tunnel from a socket on the target (-R)',
};
/** What clients send without wanting anything from it. */
const INNOCENT = new Set([
  'keepalive@openssh.com',
  'no-more-sessions@openssh.com',
  'hostkeys-prove-00@openssh.com',
  'cancel-tcpip-forward',
  'cancel-streamlocal-forward@openssh.com',
]);

const NAME_MAX = 64;

/** What a session's connection may ask for: session channels (RFC 4254 §6). Everything else is refused and listed. */
export function sessionPolicy(session: Session, killed: (why: string) => void): ChannelPolicy {
  return {
    open(type) {
      if (type === 'session') return { accept: true, opened: (channel) => session.relay(channel) };
      const what = REFUSED_CHANNELS[type] ?? `the channel type ${type.slice(0, NAME_MAX)}`;
      session.refused(`${what} was asked for and refused`);
      const description = `daypass: this access has no tunnels; it allows: ${session.words}`;
      return { accept: false, reason: OPEN_FAILURE.PROHIBITED, description };
    },
    globalRequest(name) {
      if (INNOCENT.has(name)) return;
      const what = REFUSED_REQUESTS[name] ?? `the request ${name.slice(0, NAME_MAX)}`;
      session.refused(`${what} was asked for and refused`);
    },
    killed,
  };
}

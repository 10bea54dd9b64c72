/** What is refused whatever the scope says: as security reads it, and for the person the way that works. */
export type Refusal = { readonly what: string; readonly way: string };

const UNIX_SOCKET: Refusal = {
  what: 'a tunnel to a socket on the target (-L)',
  way: 'use a tunnel to a host and port that your scope names: -L <port>:<host>:<port>',
};
const REVERSE: Refusal = {
  what: 'a tunnel from the target (-R)',
  way: 'open the tunnel from your side, to a host and port that your scope names: -L <port>:<host>:<port>',
};

/** A peer may ask for anything, `constructor` included: what an object has from its prototype is no name here. */
function byName(refusals: Readonly<Record<string, Refusal>>): ReadonlyMap<string, Refusal> {
  return new Map(Object.entries(refusals));
}

/** Requests in a session channel (RFC 4254 §6.3.1; OpenSSH's PROTOCOL.agent). */
export const REFUSED_CHANNEL_REQUESTS: ReadonlyMap<string, Refusal> = byName({
  'x11-req': {
    what: 'X11 forwarding (-X)',
    way: 'it would open your display to the target. Programs without windows work',
  },
  'auth-agent-req@openssh.com': {
    what: 'agent forwarding (-A)',
    way: 'it would lend your keys to the target. To reach another target, connect to it by its own name (ProxyJump)',
  },
});

/** Channel types that a client opens (RFC 4254 §7.2; OpenSSH's PROTOCOL §2.3, §2.4). */
export const REFUSED_CHANNELS: ReadonlyMap<string, Refusal> = byName({
  'direct-streamlocal@openssh.com': UNIX_SOCKET,
  'tun@openssh.com': { what: 'a network tunnel (-w)', way: UNIX_SOCKET.way },
  x11: { what: 'an X11 channel', way: 'shells, commands and files work, as far as your scope allows them' },
  'auth-agent@openssh.com': { what: 'an agent channel', way: 'use ProxyJump to reach another target' },
});

/** Global requests (RFC 4254 §7.1; OpenSSH's PROTOCOL §2.4). */
export const REFUSED_GLOBAL_REQUESTS: ReadonlyMap<string, Refusal> = byName({
  'tcpip-forward': REVERSE,
  'streamlocal-forward@openssh.com': REVERSE,
});

/** What clients send without wanting anything of a target. */
export const INNOCENT_GLOBAL_REQUESTS: ReadonlySet<string> = new Set([
  'keepalive@openssh.com',
  'no-more-sessions@openssh.com',
  'hostkeys-prove-00@openssh.com',
  'cancel-tcpip-forward',
  'cancel-streamlocal-forward@openssh.com',
]);

export const refusedSentence = ({ what, way }: Refusal): string => `${what} is refused: ${way}`;

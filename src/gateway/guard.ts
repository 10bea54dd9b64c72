import type { Client, Connection } from 'ssh2';
import { CHANNELS_PER_CONNECTION_MAX, PACKET_MIN, WINDOW_MAX } from './limits.ts';
import { channelState, type Internals, internalsOf } from './ssh2-internals.ts';

/** Ends a connection without waiting for its peer: `end()` does not reach one that stopped reading. */
export const destroy = (connection: Connection | Client): void => {
  internalsOf(connection)._sock?.destroy();
};

/**
 * What ssh2 lets a peer do to this process, refused at the packet (RFC 4254 §5): a channel whose maximum packet is tiny (ssh2
 * would loop for ever), data beyond the window that we granted, a window that overflows, too many channels. `kill` is called
 * once with the reason, and the connection is gone.
 */
export function guard(connection: Connection | Client, kill: (why: string) => void): void {
  const internals = internalsOf(connection);
  const { _handlers: handlers } = internals._protocol;
  let dead = false;
  const end = (why: string): void => {
    if (dead) return;
    dead = true;
    destroy(connection);
    kill(why);
  };

  const { CHANNEL_OPEN: open, CHANNEL_OPEN_CONFIRMATION: confirm } = handlers;
  if (open) {
    handlers.CHANNEL_OPEN = (protocol, info) => {
      if (dead) return;
      if (info.packetSize < PACKET_MIN) return end(`a channel with a maximum packet of ${info.packetSize} bytes`);
      if (internals._chanMgr._count >= CHANNELS_PER_CONNECTION_MAX) {
        // RFC 4254 §5.1: SSH_OPEN_RESOURCE_SHORTAGE.
        return protocol.channelOpenFail(info.sender, 4, `at most ${CHANNELS_PER_CONNECTION_MAX} channels at a time`);
      }
      open(protocol, info);
    };
  }
  if (confirm) {
    handlers.CHANNEL_OPEN_CONFIRMATION = (protocol, info) => {
      if (dead) return;
      if (info.packetSize < PACKET_MIN) return end(`a channel with a maximum packet of ${info.packetSize} bytes`);
      confirm(protocol, info);
    };
  }
  guardData(internals, end, () => dead);
}

function guardData(internals: Internals, end: (why: string) => void, isDead: () => boolean): void {
  const { _handlers: handlers } = internals._protocol;
  const { CHANNEL_DATA: data, CHANNEL_EXTENDED_DATA: extended, CHANNEL_WINDOW_ADJUST: adjust } = handlers;
  const fits = (id: number, length: number): boolean => {
    const channel = channelState(internals, id);
    return channel === null || length <= channel.incoming.window;
  };
  if (data) {
    handlers.CHANNEL_DATA = (protocol, id, bytes) => {
      if (isDead()) return;
      if (!fits(id, bytes.length)) return end('data beyond the window');
      data(protocol, id, bytes);
    };
  }
  if (extended) {
    handlers.CHANNEL_EXTENDED_DATA = (protocol, id, bytes, type) => {
      if (isDead()) return;
      if (!fits(id, bytes.length)) return end('data beyond the window');
      extended(protocol, id, bytes, type);
    };
  }
  if (adjust) {
    handlers.CHANNEL_WINDOW_ADJUST = (protocol, id, amount) => {
      if (isDead()) return;
      const channel = channelState(internals, id);
      // RFC 4254 §5.2: a window never grows beyond 2^32-1.
      if (channel && channel.outgoing.window + amount > WINDOW_MAX) return end('a window beyond 2^32-1');
      adjust(protocol, id, amount);
    };
  }
}

/** Sentences for channel types that this kind of connection does not carry: what works instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  session: 'daypass: this connection only leads on to targets; say ssh <login>+<target>@gateway for a shell.',
  'direct-tcpip': 'daypass: port forwarding is not part of your access; ask for it in Slack if the work needs it.',
  'direct-streamlocal@openssh.com':
    'daypass: forwarding to Unix sockets is not allowed; work in a shell on the target instead.',
  'tun@openssh.com': 'daypass: tunnel devices are not allowed; work in a shell on the target instead.',
};

/** Refuses every other type of channel with its sentence (RFC 4254 §5.1: administratively prohibited). */
export function allowChannelType(connection: Connection, allowed: string, refused: (why: string) => void): void {
  const { _handlers: handlers } = internalsOf(connection)._protocol;
  const { CHANNEL_OPEN: open } = handlers;
  handlers.CHANNEL_OPEN = (protocol, info) => {
    if (info.type === allowed) return open?.(protocol, info);
    const why = INSTEAD[info.type] ?? 'daypass: channels of this type are not allowed; use a shell, exec or sftp.';
    refused(why);
    protocol.channelOpenFail(info.sender, 1, why);
  };
}

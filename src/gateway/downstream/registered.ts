import { REGISTERED_LINGER_MS } from '../limits.ts';
import type { Channel, ChannelListener } from '../ssh/channel.ts';
import type { ChannelPolicy } from '../ssh/channel-table.ts';
import { OPEN_FAILURE } from '../ssh/messages.ts';
import type { Transport } from '../ssh/transport.ts';

/**
 * A connection that has registered a key: it is told so, and that is all. Who asks for no channel reads it as the
 * reason why the connection ends.
 */
export function registeredPolicy(
  transport: Transport,
  lines: readonly string[],
  killed: (why: string) => void,
): ChannelPolicy {
  const [first = 'Your key is registered.'] = lines;
  setTimeout(() => {
    transport.leave(`daypass: ${first}`);
    setTimeout(() => transport.destroy(), REGISTERED_LINGER_MS).unref();
  }, REGISTERED_LINGER_MS).unref();
  return {
    open: (type) =>
      type === 'session'
        ? { accept: true, opened: (channel) => tell(channel, lines) }
        : {
            accept: false,
            reason: OPEN_FAILURE.PROHIBITED,
            description: 'daypass: this login can only register a key',
          },
    globalRequest: () => {},
    killed,
  };
}

function tell(channel: Channel, lines: readonly string[]): void {
  const listener: ChannelListener = {
    data: (_stream, bytes) => channel.consumed(bytes.length),
    eof: () => {},
    reply: () => {},
    room: () => {},
    closed: () => channel.close(),
    request(name, wantReply) {
      const isStart = name === 'shell' || name === 'exec' || name === 'subsystem';
      if (wantReply) channel.reply(isStart || name === 'pty-req' || name === 'env');
      if (!isStart) return;
      const text = Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
      if (channel.room >= text.length) channel.write('stdout', text);
      channel.exitStatus(0);
      channel.eof();
      channel.close();
    },
  };
  channel.listener = listener;
}

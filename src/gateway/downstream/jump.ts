import type { TargetId } from '../../access/ids.ts';
import { targetIdFromName } from '../../access/target.ts';
import type { Served } from '../pipe/worker-messages.ts';
import type { ChannelPolicy } from '../ssh/channel-table.ts';
import { OPEN_FAILURE } from '../ssh/messages.ts';
import { printable, unknownTarget } from '../words/refusals.ts';
import { ChannelSocket } from './channel-socket.ts';
import { serveChannel } from './self-service-channel.ts';

export type Inner = { readonly socket: ChannelSocket; readonly targetName: string };

export type Jump = {
  readonly site: string;
  /** Where people reach the gateway, as ssh is told. */
  readonly at: string;
  readonly targetIds: readonly TargetId[];
  /** Why it leads to none. */
  readonly noTargets: string | null;
  /** A session channel asks the gateway itself. */
  readonly ask: (words: string) => Promise<Served>;
};

/**
 * The outer connection of a jump: each direct-tcpip (RFC 4254 §7.2) to the name of a target is not connected anywhere but handed to
 * `enter`, as the byte stream of a second SSH connection. The port is not looked at: the inventory has it.
 */
export function jumpPolicy(
  { site, at, targetIds, noTargets, ask }: Jump,
  enter: (inner: Inner) => void,
  killed: (why: string) => void,
): ChannelPolicy {
  const known = new Set<string>(targetIds);
  return {
    open(type, data) {
      if (type === 'session') return { accept: true, opened: (channel) => serveChannel(channel, ask) };
      if (type !== 'direct-tcpip') {
        return {
          accept: false,
          reason: OPEN_FAILURE.PROHIBITED,
          description: `daypass: this login only leads to targets and answers commands: ssh daypass@${at} help`,
        };
      }
      if (noTargets !== null) {
        return { accept: false, reason: OPEN_FAILURE.PROHIBITED, description: `daypass: ${printable(noTargets)}` };
      }
      const targetName = data.text('host', 255);
      const id = targetIdFromName(targetName, site);
      if (id === null || !known.has(id)) {
        const description = `daypass: ${unknownTarget(targetName, at)}`;
        return { accept: false, reason: OPEN_FAILURE.PROHIBITED, description };
      }
      return { accept: true, opened: (channel) => enter({ socket: new ChannelSocket(channel), targetName }) };
    },
    globalRequest: () => {},
    killed,
  };
}

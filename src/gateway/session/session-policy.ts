import type { Reader } from '../../sshwire/bytes.ts';
import type { ChannelPolicy, OpenDecision } from '../ssh/channel-table.ts';
import { OPEN_FAILURE } from '../ssh/messages.ts';
import { printable } from '../words/refusals.ts';
import {
  INNOCENT_GLOBAL_REQUESTS,
  REFUSED_CHANNELS,
  REFUSED_GLOBAL_REQUESTS,
  refusedSentence,
} from '../words/refused-features.ts';
import type { SessionChannels } from './session-channels.ts';

const NAME_MAX = 64;
const HOST_MAX = 255;

/**
 * What a session's connection may ask for: session channels (RFC 4254 §6) and the tunnels that its scope names (§7.2). Everything
 * else is refused and listed.
 */
export function sessionPolicy(session: SessionChannels, killed: (why: string) => void): ChannelPolicy {
  return {
    open(type, data) {
      if (type === 'session') return { accept: true, opened: (channel) => session.relay(channel) };
      if (type === 'direct-tcpip') return openTunnel(session, data);
      const refusal = REFUSED_CHANNELS.get(type);
      session.refused(`${refusal?.what ?? `the channel type ${type.slice(0, NAME_MAX)}`} was refused`);
      return prohibited(
        refusal
          ? refusedSentence(refusal)
          : `channels of this type are not allowed; this access allows: ${session.words}`,
      );
    },
    globalRequest(name) {
      if (INNOCENT_GLOBAL_REQUESTS.has(name)) return;
      const refusal = REFUSED_GLOBAL_REQUESTS.get(name);
      session.refused(`${refusal?.what ?? `the request ${name.slice(0, NAME_MAX)}`} was refused`);
      // The protocol's answer has no room for words.
      if (refusal) session.notice(`${refusedSentence(refusal)}.`);
    },
    killed,
  };
}

function openTunnel(session: SessionChannels, data: Reader): OpenDecision {
  const destination = { host: data.text('host', HOST_MAX), port: data.uint32('port') };
  const verdict = session.permitsTunnel(destination);
  if (verdict.allowed) return { accept: 'later', decide: (pending) => session.tunnel(destination, pending) };
  session.refused(`a tunnel to ${destination.host}:${destination.port} was refused`);
  return prohibited(verdict.why);
}

const prohibited = (why: string): OpenDecision => ({
  accept: false,
  reason: OPEN_FAILURE.PROHIBITED,
  description: `daypass: ${printable(why)}`,
});

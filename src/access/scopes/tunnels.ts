import { asciiOnly } from '../printable.ts';
import type { Scope } from './scope.ts';
import { readHost, readHostPattern, sameHost, type TunnelHost } from './tunnel-host.ts';

/** Where no tunnel leads, whatever a scope says. */
export type TunnelFacts = {
  readonly target: { readonly id: string; readonly name?: string; readonly address: string; readonly port: number };
  readonly gateway: { readonly hosts: readonly string[]; readonly ports: readonly number[] };
};

type Destination = { readonly host: string; readonly port: number };

const SSH_PORT = 22;

/** Null where the scope lets a tunnel through to there; otherwise what it is that it does not allow. */
export function whyNotTunnel(
  scope: Scope,
  { host: text, port }: Destination,
  facts: TunnelFacts | null,
): string | null {
  const host = readHost(text);
  const named = `a tunnel to ${asciiOnly(text).slice(0, HOST_SHOWN)}:${port}`;
  if (!facts || !host || !Number.isInteger(port) || port < 1 || port > 65_535) return named;
  const isSshd = port === facts.target.port || port === SSH_PORT;
  const { id, name, address } = facts.target;
  if (isSshd && (host.isLoopback || isOneOf(host, [id, name, address]))) return `${named}, the target's own sshd`;
  const isGateway = facts.gateway.ports.includes(port);
  if (isGateway && (host.isLoopback || isOneOf(host, facts.gateway.hosts))) return `${named}, the gateway`;
  if (scope.loopback && host.isLoopback) return null;
  const isListed = scope.tunnels.some((each) => {
    const pattern = each.ports.includes(port) ? readHostPattern(each.host) : null;
    if (pattern?.kind === 'host') return sameHost(pattern.host, host);
    // Among all names of a domain there may be one of the target, or of the gateway.
    return pattern !== null && !isSshd && !isGateway && host.kind === 'name' && host.name.endsWith(pattern.suffix);
  });
  return isListed ? null : named;
}

const HOST_SHOWN = 60;

const isOneOf = (host: TunnelHost, texts: readonly (string | undefined)[]): boolean =>
  texts.some((text) => text !== undefined && sameHost(readHost(text), host));

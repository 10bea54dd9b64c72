import { createHash } from 'node:crypto';
import type { AccessRequest } from '../../access/request.ts';
import { approvalName } from '../../access/signing-key.ts';
import { type GatewayAddress, gatewayAlias } from '../../access/ssh-config.ts';

/** How the gateway is reached from outside. */
export type GatewayFacts = GatewayAddress & {
  /** `<type> <base64>`, perhaps with a comment. */
  readonly hostKeyLine: string;
};

export const targetName = (target: string, gateway: GatewayFacts): string => `${target}.${gatewayAlias(gateway)}`;

export const keyOf = (line: string): string => line.split(' ').slice(0, 2).join(' ');

const asKnownHost = ({ host, port }: GatewayFacts): string => (port === 22 ? host : `[${host}]:${port}`);

/** The known_hosts line for connecting to the gateway by its address, before any ssh_config of ours is there. */
export const knownHostsLine = (gateway: GatewayFacts): string =>
  `${asKnownHost(gateway)} ${keyOf(gateway.hostKeyLine)}`;

/**
 * Has ssh know the gateway's host key. It is one line without a quote inside, that means the same in every shell; pasted twice it is there
 * once, and a file that lacks its last newline loses no entry.
 */
export function knownHostsCommand(gateway: GatewayFacts): string {
  const steps = [
    `umask 077; line="${knownHostsLine(gateway)}"; mkdir -p ~/.ssh && cd ~/.ssh && touch known_hosts`,
    '{ grep -qxF "$line" known_hosts ||',
  ];
  return `sh -c '${steps.join(' && ')} { [ -z "$(tail -c 1 known_hosts)" ] || echo; echo "$line"; } >> known_hosts; }'`;
}

/** OpenSSH's fingerprint of the gateway's host key. */
export const hostKeyFingerprint = ({ hostKeyLine }: GatewayFacts): string => {
  const blob = Buffer.from(keyOf(hostKeyLine).split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
};

/** Signs the approval of a request (access/signing-key.ts). */
export const approvalCommand = (request: Pick<AccessRequest, 'id' | 'digest'>, { host, port }: GatewayFacts): string =>
  `ssh ${approvalName(request)}@${host} -p ${port}`;

/** `ssh <login>+<target>@gateway`, which needs no ssh_config; address literals with colons need no brackets here. */
export const directCommand = (login: string, target: string, { host, port }: GatewayFacts): string =>
  `ssh ${login}+${target}@${host} -p ${port}`;

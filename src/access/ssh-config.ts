/** The ssh_config of people who come through the gateway, written one way wherever it is handed out. */

/** How the gateway is reached from outside. */
export type GatewayAddress = { readonly site: string; readonly host: string; readonly port: number };

/** A Host or Match line with what holds there; a line that begins with # is a comment, as it is for ssh. */
export type Section = {
  readonly comments?: readonly string[];
  readonly head: string;
  readonly lines?: readonly string[];
};

export const FOLDER = '~/.ssh/daypass';
export const INCLUDE = 'Include daypass/*.conf';

/** Both connections of a jump end at the gateway, so one name stands for its host key everywhere. */
export const gatewayAlias = ({ site }: Pick<GatewayAddress, 'site'>): string => `${site}.daypass`;

/** The line of known_hosts by that name; `hostKey` is `<type> <base64>`. */
export const aliasKnownHost = (gateway: Pick<GatewayAddress, 'site'>, hostKey: string): string =>
  `${gatewayAlias(gateway)} ${hostKey}`;

/** Where ssh-keygen puts the private key of a public one, when it is not told otherwise. */
export const identityFile = (publicKey: string): string =>
  `~/.ssh/${IDENTITY_FILE[publicKey.split(' ')[0] ?? ''] ?? 'id_ed25519'}`;

const IDENTITY_FILE: Readonly<Record<string, string>> = {
  'ssh-ed25519': 'id_ed25519',
  'ssh-rsa': 'id_rsa',
  'ecdsa-sha2-nistp256': 'id_ecdsa',
  'ecdsa-sha2-nistp384': 'id_ecdsa',
  'ecdsa-sha2-nistp521': 'id_ecdsa',
  'sk-ssh-ed25519@openssh.com': 'id_ed25519_sk',
  'sk-ecdsa-sha2-nistp256@openssh.com': 'id_ecdsa_sk',
};

/** The one line that sets ssh up, before any ssh_config of ours is there; it is the same in every shell. */
export const setUpCommand = ({ host, port }: GatewayAddress): string => `ssh daypass@${host} -p ${port} setup | sh`;

/** The gateway itself, by its name. */
export const gatewaySection = (gateway: GatewayAddress, more: readonly string[] = []): Section => ({
  head: `Host ${gatewayAlias(gateway)}`,
  lines: [`HostName ${gateway.host}`, `Port ${gateway.port}`, 'User daypass', ...more],
});

/**
 * What holds on the way to the gateway and through it: one host key, in a known_hosts of its own, and the keys in `identity` alone.
 * `aboutKex` is a comment on the warning that is left out.
 */
export const trustLines = (
  gateway: Pick<GatewayAddress, 'site'>,
  knownHosts: string,
  identity: readonly string[],
  aboutKex: readonly string[] = [],
): readonly string[] => [
  `HostKeyAlias ${gatewayAlias(gateway)}`,
  `UserKnownHostsFile ${FOLDER}/${knownHosts}`,
  'StrictHostKeyChecking yes',
  ...identity,
  'IdentitiesOnly yes',
  'ForwardAgent no',
  ...aboutKex,
  'WarnWeakCrypto no-pq-kex',
];

/** The whole file. Its last line ends the last section, so that what an including file says next holds for every host again. */
export function writeSshConfig(about: readonly string[], aboutUnknown: string, sections: readonly Section[]): string {
  const ignored: Section = { comments: [aboutUnknown], head: 'IgnoreUnknown WarnWeakCrypto,UseKeychain' };
  const parts = [about, ...[ignored, ...sections, { head: 'Host *' }].map(sectionLines)];
  return parts.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

const sectionLines = ({ comments = [], head, lines = [] }: Section): readonly string[] => [
  ...comments,
  head,
  ...lines.map((line) => `  ${line}`),
];

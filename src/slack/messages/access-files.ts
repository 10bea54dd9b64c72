import { expiresAt, type Grant } from '../../access/grant.ts';
import { IDENTITY_FILE } from '../../access/identity-file.ts';
import { short } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import type { IssuedCertificate } from '../../use-cases/ports.ts';
import { type GatewayFacts, gatewayAlias, keyOf, targetName } from '../words/gateway-facts.ts';
import { utc } from '../words/units.ts';

export type AccessFile = { readonly name: string; readonly content: string };

const FOLDER = '~/.ssh/daypass';
const INCLUDE = 'Include daypass/*.conf';

/** Every file of a grant begins with this, so that one pattern moves or removes them all. */
const filePrefix = (grant: Pick<Grant, 'id'>): string => `daypass-${short(grant.id)}`;

/** Certificates, ssh_config and known_hosts of one grant. */
export function accessFiles(
  grant: Grant,
  certificates: readonly IssuedCertificate[],
  keys: readonly RegisteredKey[],
  gateway: GatewayFacts,
): readonly AccessFile[] {
  const prefix = filePrefix(grant);
  const numbered = certificates.map((each, index) => ({
    name: certificates.length === 1 ? `${prefix}-cert.pub` : `${prefix}-${index + 1}-cert.pub`,
    content: `${each.certificate}\n`,
  }));
  const certified = keys.filter((key) => certificates.some((each) => each.fingerprint === key.fingerprint));
  const identities = certified.map((key) => IDENTITY_FILE[key.publicKey.split(' ')[0] ?? ''] ?? 'id_ed25519');
  const trust = [
    `  HostKeyAlias ${gatewayAlias(gateway)}`,
    `  UserKnownHostsFile ${FOLDER}/${prefix}.known_hosts`,
    '  StrictHostKeyChecking yes',
    ...numbered.map(({ name }) => `  CertificateFile ${FOLDER}/${name}`),
    ...[...new Set(identities)].map((identity) => `  IdentityFile ~/.ssh/${identity}`),
    '  IdentitiesOnly yes',
    '  ForwardAgent no',
    '  WarnWeakCrypto no-pq-kex',
  ];
  return [
    ...numbered,
    { name: `${prefix}.conf`, content: sshConfig(grant, gateway, trust) },
    { name: `${prefix}.known_hosts`, content: `${gatewayAlias(gateway)} ${keyOf(gateway.hostKeyLine)}\n` },
  ];
}

function sshConfig(grant: Grant, gateway: GatewayFacts, trust: readonly string[]): string {
  const { login, targets } = grant.terms;
  const names = targets.map((target) => targetName(target.id, gateway));
  const direct = targets.map((target) => `${login}+${target.id}`);
  return [
    `# Daypass: ${targets.map((target) => target.id).join(', ')} as ${login}`,
    `# Valid until ${utc(expiresAt(grant))}. Delete ${FOLDER}/${filePrefix(grant)}* after that.`,
    `# Keep this file in ${FOLDER}/. The first line of ~/.ssh/config must be: ${INCLUDE}`,
    '# IdentityFile is where ssh-keygen saves such a key by default. If the private key that you registered is elsewhere,',
    '# change each IdentityFile line. For a key in an agent, name its .pub file.',
    '',
    '# ssh uses the first IgnoreUnknown that it reads. UseKeychain is for configurations shared with a Mac.',
    'IgnoreUnknown WarnWeakCrypto,UseKeychain',
    '',
    `Host ${gatewayAlias(gateway)}`,
    `  HostName ${gateway.host}`,
    `  Port ${gateway.port}`,
    '  User daypass',
    '',
    `Host ${names.join(' ')}`,
    `  User ${login}`,
    `  ProxyJump ${gatewayAlias(gateway)}`,
    '',
    `Host ${gatewayAlias(gateway)} ${names.join(' ')}`,
    ...trust,
    '',
    '# The direct form, ssh <login>+<target>@<gateway>. Without the quotes, programs that read this file and do not know Match',
    '# would stop here.',
    `"Match" originalhost ${gateway.host} user ${direct.join(',')}`,
    `  Port ${gateway.port}`,
    ...trust,
    '',
    'Host *',
    '',
  ].join('\n');
}

/**
 * The line that installs a grant's files and removes those of grants that have ended. It is one line without a quote inside, so that it
 * means the same in every shell. It can be pasted again, a linked ~/.ssh/config stays a link, and ssh accepts it whatever the umask is.
 */
export function installLines(grant: Grant, over: readonly Pick<Grant, 'id'>[]): readonly string[] {
  const prefix = filePrefix(grant);
  const include = [
    `{ grep -qxsF "${INCLUDE}" config ||`,
    `{ { echo "${INCLUDE}"; echo; cat config 2>/dev/null; } > daypass/config.new;`,
    'cat daypass/config.new > config && rm daypass/config.new; }; }',
  ];
  const steps = [
    'umask 077; mkdir -p ~/.ssh/daypass && cd ~/.ssh',
    ...over.map((each) => `rm -f daypass/${filePrefix(each)}*`),
    `for f in ~/Downloads/${prefix}*; do [ ! -e "$f" ] || mv "$f" daypass/; done`,
    include.join(' '),
    `{ chmod go-w config 2>/dev/null; ls daypass/${prefix}.conf; }`,
  ];
  return [`sh -c '${steps.join(' && ')}'`];
}

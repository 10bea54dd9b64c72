import { expiresAt, type Grant } from '../../access/grant.ts';
import { short } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import {
  aliasKnownHost,
  FOLDER,
  gatewayAlias,
  gatewaySection,
  INCLUDE,
  identityFile,
  trustLines,
  writeSshConfig,
} from '../../access/ssh-config.ts';
import type { IssuedCertificate } from '../../use-cases/ports/authority.ts';
import { type GatewayFacts, keyOf, targetName } from '../words/gateway-facts.ts';
import { utc } from '../words/units.ts';

export type AccessFile = { readonly name: string; readonly content: string };

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
  const identities = new Set(certified.map((key) => identityFile(key.publicKey)));
  const trust = trustLines(gateway, `${prefix}.known_hosts`, [
    ...numbered.map(({ name }) => `CertificateFile ${FOLDER}/${name}`),
    ...[...identities].map((identity) => `IdentityFile ${identity}`),
  ]);
  return [
    ...numbered,
    { name: `${prefix}.conf`, content: sshConfig(grant, gateway, trust) },
    { name: `${prefix}.known_hosts`, content: `${aliasKnownHost(gateway, keyOf(gateway.hostKeyLine))}\n` },
  ];
}

function sshConfig(grant: Grant, gateway: GatewayFacts, trust: readonly string[]): string {
  const { login, targets } = grant.terms;
  const alias = gatewayAlias(gateway);
  const names = targets.map((target) => targetName(target.id, gateway));
  const direct = targets.map((target) => `${login}+${target.id}`);
  return writeSshConfig(
    [
      `# Daypass: ${targets.map((target) => target.id).join(', ')} as ${login}`,
      `# Valid until ${utc(expiresAt(grant))}. Delete ${FOLDER}/${filePrefix(grant)}* after that.`,
      `# Keep this file in ${FOLDER}/. The first line of ~/.ssh/config must be: ${INCLUDE}`,
      '# IdentityFile is where ssh-keygen saves such a key by default. If the private key that you registered is elsewhere,',
      '# change each IdentityFile line. For a key in an agent, name its .pub file.',
    ],
    '# ssh uses the first IgnoreUnknown that it reads. UseKeychain is for configurations shared with a Mac.',
    [
      gatewaySection(gateway),
      { head: `Host ${names.join(' ')}`, lines: [`User ${login}`, `ProxyJump ${alias}`] },
      { head: `Host ${alias} ${names.join(' ')}`, lines: trust },
      {
        comments: [
          '# The direct form, ssh <login>+<target>@<gateway>. Without the quotes, programs that read this file and do not know Match',
          '# would stop here.',
        ],
        head: `"Match" originalhost ${gateway.host} user ${direct.join(',')}`,
        lines: [`Port ${gateway.port}`, ...trust],
      },
    ],
  );
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

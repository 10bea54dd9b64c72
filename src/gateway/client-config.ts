import { IDENTITY_FILE } from '../access/identity-file.ts';
import type { Login } from '../access/ids.ts';

/** How people reach the gateway. */
export type ConfigFacts = {
  readonly site: string;
  readonly host: string;
  readonly port: number;
  /** `<type> <base64>` */
  readonly hostKey: string;
};

/**
 * An ssh_config that is installed once. It fetches the certificate by `Match … exec`, which ssh evaluates only once the host has
 * matched: for no other host, and not for the gateway itself, whose name the pattern does not cover, so it cannot call itself.
 */
export function clientConfig(
  { site, host, port, hostKey }: ConfigFacts,
  { keyType, logins }: { readonly keyType: string; readonly logins: readonly Login[] },
): string {
  const gateway = `${site}.daypass`;
  const folder = '~/.ssh/daypass';
  const file = `${folder}/${site}-cert.pub`;
  const known = `${folder}/${site}.known_hosts`;
  const [login, ...others] = logins;
  const fetch = `ssh -T -o BatchMode=yes -o ConnectTimeout=5 ${gateway} cert`;
  const refresh = `sh -c 'umask 077; t=${file}.$$; ${fetch} >$t 2>/dev/null && mv -f $t ${file} || rm -f $t'`;
  return [
    `# Daypass, site ${site}: ssh <login>@<target>.${gateway}`,
    '# Set up once; new grants need no change here. docs/clients.md says more, for Windows as well.',
    `# 1. This text is ${folder}/${site}.conf; the first line of ~/.ssh/config says: Include daypass/*.conf`,
    "# 2. Compare the gateway's host key with the one that /access key shows in Slack, then trust it:",
    `#    echo '${gateway} ${hostKey}' > ${known}`,
    '',
    '# Older ssh does not know WarnWeakCrypto, nor ssh elsewhere the UseKeychain of a Mac; they pass over them.',
    'IgnoreUnknown WarnWeakCrypto,UseKeychain',
    '',
    '# Before a connection to these hosts, and no others: brings the certificate for what you are granted now.',
    `Match host *.${gateway} exec "${refresh}"`,
    '',
    `Host ${gateway}`,
    `  HostName ${host}`,
    `  Port ${port}`,
    '  User daypass',
    '  # A shared connection would know only what was granted when it began.',
    '  ControlPath none',
    '',
    `Host *.${gateway}`,
    `  ProxyJump ${gateway}`,
    ...(login !== undefined && others.length === 0
      ? [`  # The login you had when this was made; another one: ssh <login>@<target>.${gateway}`, `  User ${login}`]
      : [`  # Say ssh <login>@<target>.${gateway}, or name your usual login here.`, '  # User deploy']),
    '',
    `Host ${gateway} *.${gateway}`,
    `  HostKeyAlias ${gateway}`,
    `  UserKnownHostsFile ${known}`,
    '  StrictHostKeyChecking yes',
    '  # The private key that you registered, or its .pub where an agent holds it.',
    `  IdentityFile ~/.ssh/${IDENTITY_FILE[keyType] ?? 'id_ed25519'}`,
    `  CertificateFile ${file}`,
    '  IdentitiesOnly yes',
    '  ForwardAgent no',
    '  # The gateway has no post-quantum key exchange yet; new ssh would warn at each connection.',
    '  WarnWeakCrypto no-pq-kex',
    '',
    'Match all',
    '',
  ].join('\n');
}

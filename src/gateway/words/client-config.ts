import type { Fingerprint } from '../../access/ids.ts';
import {
  aliasKnownHost,
  FOLDER,
  type GatewayAddress,
  gatewayAlias,
  gatewaySection,
  INCLUDE,
  identityFile,
  setUpCommand,
  trustLines,
  writeSshConfig,
} from '../../access/ssh-config.ts';

/** How people reach the gateway. */
export type ConfigFacts = GatewayAddress & {
  /** `<type> <base64>` */
  readonly hostKey: string;
};

/** For whom: `<type> <base64>` of the key that they asked with. */
export type ConfigOwner = { readonly publicKey: string };

/**
 * An ssh_config that is installed once. It fetches the certificate by `Match … exec`, which ssh evaluates only once the host has
 * matched: for no other host, and not for the gateway itself, whose name the pattern does not cover, so it cannot call itself.
 * What it runs is handed to the shell of the person's account and holds no double quote, which ssh_config could not say before
 * OpenSSH 8.7; names below the home folder, which may hold a space, are left to `cd ~`, which no shell splits.
 */
export function clientConfig(facts: ConfigFacts, { publicKey }: ConfigOwner): string {
  const { site, hostKey } = facts;
  const gateway = gatewayAlias(facts);
  const file = `${site}-cert.pub`;
  const fetch = `ssh -T -o BatchMode=yes -o ConnectTimeout=5 ${gateway} cert`;
  const keep = `t=.${file}.$$; echo $c >$t && mv -f $t ${file} || rm -f $t`;
  const refresh = `sh -c 'IFS=; umask 077; cd ${FOLDER} && c=$(${fetch} 2>/dev/null) && { ${keep}; }'`;
  return writeSshConfig(
    [
      `# Daypass, site ${site}: ssh <target>.${gateway}`,
      '# Set up once; new grants need no change here. For more, and for Windows, see docs/clients.md.',
      `# To install it with the gateway's host key, run: ${setUpCommand(facts)}`,
      `# By hand: save this file as ${FOLDER}/${site}.conf, begin ~/.ssh/config with the line: ${INCLUDE}`,
      `# and put this line in ${FOLDER}/${site}.known_hosts: ${aliasKnownHost(facts, hostKey)}`,
    ],
    '# Older versions of ssh do not know WarnWeakCrypto, and only a Mac knows UseKeychain. Others ignore them.',
    [
      {
        comments: [
          '# Before a connection to these hosts, and no others: fetches the certificate for the access you have now. The quotes around',
          '# Match keep programs that read this file and do not know Match from giving up.',
        ],
        head: `"Match" host *.${gateway} exec "${refresh}"`,
      },
      gatewaySection(facts, [
        '# A shared connection would know only the access you had when it started.',
        'ControlPath none',
      ]),
      {
        head: `Host *.${gateway}`,
        lines: [
          `ProxyJump ${gateway}`,
          `# Means the login that you were granted. If there are several: ssh <login>@<target>.${gateway}`,
          'User daypass',
        ],
      },
      { head: `Host ${gateway} *.${gateway}`, lines: trusted(facts, publicKey, file) },
    ],
  );
}

const trusted = (facts: ConfigFacts, publicKey: string, certificate: string): readonly string[] =>
  trustLines(
    facts,
    `${facts.site}.known_hosts`,
    [
      '# The private key that you registered, or its .pub file if an agent holds the key.',
      `IdentityFile ${identityFile(publicKey)}`,
      `CertificateFile ${FOLDER}/${certificate}`,
    ],
    ['# The gateway has no post-quantum key exchange yet. Newer versions of ssh would warn at each connection.'],
  );

/**
 * The same with all that installs it, as a script for `sh`. It comes over a connection whose host key ssh has checked, so that it may
 * say which one to trust by name. Nothing runs before its last line has come; run again, it changes nothing but what is Daypass's own.
 */
export function setUpScript(facts: ConfigFacts, owner: ConfigOwner): string {
  const { site, hostKey } = facts;
  // It is run as a program: nothing but base64 gets in, whatever is stored.
  const base64 = /^\S+ ([A-Za-z0-9+/]+=*)(?: |$)/.exec(owner.publicKey)?.[1] ?? 'no key';
  return `# Daypass, site ${site}: sets up ssh for the account that runs this. Everything goes into ${FOLDER}, except one line in ~/.ssh/config.
set_up() {
  umask 077
  config=$HOME/.ssh/config ours=$HOME/.ssh/daypass
  mkdir -p "$ours" || exit 1

  # Where the registered key is.
  identity=
  for public in "$HOME"/.ssh/*.pub; do
    name=\${public##*/}
    case $name in *-cert.pub | *[!A-Za-z0-9._-]*) continue ;; esac
    grep -qsF '${base64}' "$public" || continue
    [ -f "\${public%.pub}" ] && name=\${name%.pub}
    identity="~/.ssh/$name"
    break
  done
  sed "s|^  IdentityFile .*|  IdentityFile \${identity:-${identityFile(owner.publicKey)}}|" > "$ours/${site}.conf" <<'DAYPASS' || exit 1
${clientConfig(facts, owner)}DAYPASS
  echo '${aliasKnownHost(facts, hostKey)}' > "$ours/${site}.known_hosts" || exit 1

  # First in ~/.ssh/config, before any Host or Match. A link stays a link, and the file keeps its mode.
  if [ ! -e "$config" ] || ! awk '
    tolower($1) ~ /^"?(host|match)"?(=|$)/ { exit }
    tolower($1) ~ /^include/ && /daypass\\/\\*\\.conf/ { found = 1; exit }
    END { exit !found }' "$config"
  then
    { echo '${INCLUDE}'; echo; if [ -e "$config" ]; then cat "$config"; fi; } > "$ours/config.new" || exit 1
    if ! cat "$ours/config.new" > "$config"; then
      echo "daypass: $config could not be written. Make this its first line: ${INCLUDE}" >&2
      echo "daypass: its intended content is in $ours/config.new" >&2
      exit 1
    fi
    rm -f "$ours/config.new"
  fi
  # ssh refuses a file that others may write to.
  chmod go-w "$config" 2>/dev/null

  if [ -z "$identity" ]; then
    echo "daypass: ~/.ssh has no .pub file of the key that you registered. Set IdentityFile in $ours/${site}.conf to that key"
  fi
  echo 'daypass: ssh is set up. To connect, once you have access: ssh <target>.${site}.daypass; to see your access: ssh ${site}.daypass'
}
set_up
`;
}

/** What the registration of a key says on the terminal. */
export const registeredLines = (fingerprint: Fingerprint, facts: ConfigFacts): readonly string[] => [
  `Your key is registered: ${fingerprint}`,
  'Set up ssh by running this line once, with the same -i if you used one. There is nothing to download or paste later:',
  '',
  `  ${setUpCommand(facts)}`,
  '',
  `Then request access in Slack: /access request, or the Request access button in the engagement thread. Once it is approved: ssh <target>.${facts.site}.daypass`,
];

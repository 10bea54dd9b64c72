import { describe, expect, it } from 'vitest';
import { clientConfig } from '../../../../src/gateway/words/client-config.ts';

const FACTS = { site: 'acme', host: 'ssh.example.com', port: 2222, hostKey: 'ssh-ed25519 AAAA' };

const WHOLE = `# Daypass, site acme: ssh <target>.acme.daypass
# Set up once; new grants need no change here. For more, and for Windows, see docs/clients.md.
# To install it with the gateway's host key, run: ssh daypass@ssh.example.com -p 2222 setup | sh
# By hand: save this file as ~/.ssh/daypass/acme.conf, begin ~/.ssh/config with the line: Include daypass/*.conf
# and put this line in ~/.ssh/daypass/acme.known_hosts: acme.daypass ssh-ed25519 AAAA

# Older versions of ssh do not know WarnWeakCrypto, and only a Mac knows UseKeychain. Others ignore them.
IgnoreUnknown WarnWeakCrypto,UseKeychain

# Before a connection to these hosts, and no others: fetches the certificate for the access you have now. The quotes around
# Match keep programs that read this file and do not know Match from giving up.
"Match" host *.acme.daypass exec "sh -c 'IFS=; umask 077; cd ~/.ssh/daypass && c=$(ssh -T -o BatchMode=yes -o ConnectTimeout=5 acme.daypass cert 2>/dev/null) && { t=.acme-cert.pub.$$; echo $c >$t && mv -f $t acme-cert.pub || rm -f $t; }'"

Host acme.daypass
  HostName ssh.example.com
  Port 2222
  User daypass
  # A shared connection would know only the access you had when it started.
  ControlPath none

Host *.acme.daypass
  ProxyJump acme.daypass
  # Means the login that you were granted. If there are several: ssh <login>@<target>.acme.daypass
  User daypass

Host acme.daypass *.acme.daypass
  HostKeyAlias acme.daypass
  UserKnownHostsFile ~/.ssh/daypass/acme.known_hosts
  StrictHostKeyChecking yes
  # The private key that you registered, or its .pub file if an agent holds the key.
  IdentityFile ~/.ssh/id_ed25519
  CertificateFile ~/.ssh/daypass/acme-cert.pub
  IdentitiesOnly yes
  ForwardAgent no
  # The gateway has no post-quantum key exchange yet. Newer versions of ssh would warn at each connection.
  WarnWeakCrypto no-pq-kex

Host *
`;

describe('the ssh_config that is installed once', () => {
  const made = (keyType: string) => clientConfig(FACTS, { publicKey: `${keyType} AAAA` });

  it('is this, to the byte', () => {
    expect(made('ssh-ed25519')).toBe(WHOLE);
  });

  it('leaves the login to what is granted', () => {
    expect(made('ssh-ed25519').match(/^ {2}User .*$/gm)).toEqual(['  User daypass', '  User daypass']);
  });

  it.each([
    ['ssh-ed25519', 'id_ed25519'],
    ['ssh-rsa', 'id_rsa'],
    ['ecdsa-sha2-nistp384', 'id_ecdsa'],
    ['sk-ssh-ed25519@openssh.com', 'id_ed25519_sk'],
  ])('names the file where ssh-keygen puts a key of %s', (type, file) => {
    expect(made(type)).toMatch(new RegExp(`^ {2}IdentityFile ~/\\.ssh/${file}$`, 'm'));
  });
});

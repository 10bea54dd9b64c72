import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downstreamCertificate, upstreamCertificate, upstreamPrincipal } from '../../../src/access/certificate.ts';
import type { GrantTerms } from '../../../src/access/grant.ts';
import { Login, SessionId } from '../../../src/access/ids.ts';
import { targetFiles } from '../../../src/access/sshd-block.ts';
import type { Target } from '../../../src/access/target.ts';
import {
  type CertificateBody,
  certificateLine,
  encodeCertificate,
  encodeToBeSigned,
  flagOption,
} from '../../../src/sshwire/certificate.ts';
import { fingerprint, type PublicKey, publicKeyLine, splitKeyLine } from '../../../src/sshwire/public-key.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { startAgent } from '../../support/peers/agent.ts';
import { certificateBody } from '../../support/peers/certificates.ts';
import { type KeyFile, makeKeyFile, ssh } from '../../support/peers/openssh.ts';
import { present } from '../../support/peers/present.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, publicKeyOf, type TestKey } from '../../support/peers/ssh-keys.ts';
import { runningUser, type Sshd, startSshd } from '../../support/peers/sshd.ts';
import { grant, later, scope, targetId } from '../../support/samples/samples.ts';
import { testAuthority, testKeys } from '../../support/worlds/authority.ts';

/** Certificates as control issues them, against targets that are set up with the printed block. */

const LONG = process.env['DAYPASS_LONG'] === '1';
const isRoot = process.getuid?.() === 0;
const me = Login.parse(runningUser());
/** An account of every Debian system that is not the one that runs the tests. */
const somebodyElse = Login.parse('daemon');
const keys = testKeys();
const authority = testAuthority(keys);
const contractors = oneOfEach();
const session = SessionId.parse('ee000000-0000-4000-8000-000000000001');
const folder = testFolder();

const target = (name: string): Target => ({
  id: targetId(name),
  name,
  address: '127.0.0.1',
  port: 22,
  host_keys: [],
  labels: {},
  logins: [me, somebodyElse],
});
const startTarget = (name: string, extraConfig = ''): Promise<Sshd> =>
  startSshd({ setUp: (dir) => targetFiles(target(name), keys.targetCaPublicKey, dir), extraConfig });

let web: Sshd;
let db: Sshd;
let worker: KeyFile;
beforeAll(async () => {
  [web, db, worker] = await Promise.all([
    startTarget('web-01', 'LogLevel DEBUG'),
    startTarget('db-01'),
    makeKeyFile(folder.path, 'ed25519'),
  ]);
});
afterAll(async () => {
  await Promise.all([web, db].map((each) => each?.[Symbol.asyncDispose]()));
  folder[Symbol.dispose]();
});

const blobOf = (line: string): Uint8Array => {
  const split = splitKeyLine(line);
  if (!split.ok) throw new Error(split.refusal.why);
  return split.value.blob;
};
const workerKey = (): PublicKey => publicKeyOf(blobOf(worker.line));
const workerBlob = (): Uint8Array => blobOf(worker.line);

type Upstream = {
  readonly name?: string;
  readonly login?: Login;
  readonly terms?: Partial<GrantTerms>;
  readonly now?: Date;
};
const issueUpstream = (
  publicKey: Uint8Array,
  { name = 'web-01', login = me, terms, now = new Date() }: Upstream = {},
) =>
  authority.issueUpstream(
    publicKey,
    upstreamCertificate(
      grant(1, { login, ...terms }),
      { id: session, targetId: targetId(name), sourceAddress: '127.0.0.1' },
      now,
    ),
  ).certificate;

describe('issuing and logging in', () => {
  const rounds = LONG ? 1_000 : 12;
  const AT_ONCE = 3;

  it(`works ${rounds} times out of ${rounds}, with clocks that differ by up to 30 s`, async () => {
    const failures: string[] = [];
    const round = async (n: number): Promise<void> => {
      const skew = [-30, 0, 30][n % 3] ?? 0;
      const key = await makeKeyFile(folder.path, 'ed25519', `round-${n}`);
      const certificate = issueUpstream(blobOf(key.line), { now: later(skew, new Date()) });
      const { code, stderr } = await ssh(web, { key: key.path, certificate, command: ['exit 42'] });
      if (code !== 42) failures.push(`round ${n}, ${skew} s: ${code} ${stderr}`);
    };
    for (let n = 0; n < rounds; n += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, rounds - n) }, (_, i) => round(n + i)));
    }
    expect(failures).toEqual([]);
  });
});

describe('an upstream certificate for one login on web-01', () => {
  const key = makeKey('ssh-ed25519');
  const certificate = (login = me): Uint8Array => blobOf(issueUpstream(key.blob, { login }));

  it('opens web-01 as that login', async () => {
    expect(await present(web, { blob: certificate(), key })).toBe('accepted');
  });

  it('opens no other target of a fleet that is set up with the printed block', async () => {
    expect(await present(db, { blob: certificate(), key })).toBe('refused');
    expect(await present(db, { blob: blobOf(issueUpstream(key.blob, { name: 'db-01' })), key })).toBe('accepted');
  });

  it('opens no other login, neither there nor elsewhere', async () => {
    for (const sshd of [web, db]) {
      expect(await present(sshd, { blob: certificate(), key, login: somebodyElse })).toBe('refused');
      expect(await present(sshd, { blob: certificate(somebodyElse), key })).toBe('refused');
    }
    // Only root's sshd can let in other accounts at all.
    if (!isRoot) return;
    expect(await present(web, { blob: certificate(somebodyElse), key, login: somebodyElse })).toBe('accepted');
  });

  it('opens nothing for accounts outside of the block', async () => {
    for (const login of ['bin', 'nobody']) {
      const blob = blobOf(issueUpstream(key.blob, { login: Login.parse(login) }));
      expect([login, await present(web, { blob, key, login })]).toEqual([login, 'refused']);
    }
  });

  it('opens nothing once it has expired, and nothing before its time', async () => {
    const issued = (seconds: number) => blobOf(issueUpstream(key.blob, { now: later(seconds, new Date()) }));
    expect(await present(web, { blob: issued(-301), key })).toBe('refused');
    expect(await present(web, { blob: issued(-290), key })).toBe('accepted');
    expect(await present(web, { blob: issued(70), key })).toBe('refused');
  });

  it('opens nothing for who holds the certificate and not the key', async () => {
    const thief = makeKey('ssh-ed25519');
    expect(await present(web, { blob: certificate(), key: { ...thief, type: key.type } })).toBe('refused');
  });

  it('leaves who and why in the target’s own log', async () => {
    expect(await present(web, { blob: certificate(), key })).toBe('accepted');
    expect(await web.logged(/ID "?daypass:ee000000-0000-4000-8000-000000000001:aa\S+/)).toContain('daypass:');
  });
});

/** What one of the CAs could be made to sign by somebody who owns it: nothing that control would issue. */
function signedBy(
  caLine: string,
  sign: (data: Uint8Array) => Uint8Array,
  key: TestKey,
  change: Partial<CertificateBody>,
) {
  const body = certificateBody(key, key.publicKey, new Date(), { signatureKey: blobOf(caLine), ...change });
  const signed = encodeToBeSigned(body);
  return encodeCertificate(signed, sign(signed));
}

it('the user CA opens no target, even with a principal of the target’s own', async () => {
  const key = makeKey('ssh-ed25519');
  const principals = [upstreamPrincipal(me, targetId('web-01'))];
  const byUserCa = signedBy(keys.userCaPublicKey, keys.signAsUserCa, key, { principals });
  expect(await present(web, { blob: byUserCa, key })).toBe('refused');
  const byTargetCa = signedBy(keys.targetCaPublicKey, keys.signAsTargetCa, key, { principals });
  expect(await present(web, { blob: byTargetCa, key })).toBe('accepted');
});

describe.each(KEY_TYPES)('a contractor’s certificate for %s', (type) => {
  const key = keyIn(contractors, type);

  it('opens no target, whichever way it is presented', async () => {
    const terms = { login: me, notBefore: new Date().toISOString(), notAfter: later(600, new Date()).toISOString() };
    const issued = authority.issueDownstream(publicKeyLine(key.publicKey), downstreamCertificate(grant(1, terms)));
    for (const sshd of [web, db]) {
      expect(await present(sshd, { blob: blobOf(issued.certificate), key })).toBe('refused');
      expect(await present(sshd, { blob: blobOf(issued.certificate), key, login: somebodyElse })).toBe('refused');
    }
  });

  it('logs in with stock ssh where the user CA is trusted, and control believes what ssh signed', async () => {
    const terms = { login: me, notBefore: new Date().toISOString(), notAfter: later(600, new Date()).toISOString() };
    const issued = authority.issueDownstream(publicKeyLine(key.publicKey), downstreamCertificate(grant(1, terms)));
    await using door = await startSshd({ userCa: keys.userCaPublicKey, principals: [me] });
    using own = testFolder();
    await using agent = await startAgent(own.path, [{ blob: blobOf(issued.certificate), key }]);
    // Host-bound authentication is a method of its own, which ssh2 as a server does not offer.
    const options = ['IdentitiesOnly=no', `IdentityAgent=${agent.socket}`, 'PubkeyAuthentication=unbound'];
    const login = { options, env: { SSH_AUTH_SOCK: agent.socket }, command: ['exit 42'] };
    expect(await ssh(door, login)).toMatchObject({ code: 42 });
    expect(await ssh(door, login)).toMatchObject({ code: 42 });
    const [first, second] = agent.signatures;
    if (!first || !second) throw new Error('the agent was not asked to sign twice');
    const proof = authority.verifyProof(first, '192.0.2.7', new Date());
    expect(proof).toMatchObject({
      ok: true,
      value: {
        userName: me,
        fingerprint: fingerprint(key.publicKey),
        certificate: { principals: [me], keyId: issued.keyId, serial: issued.serial },
      },
    });
    const crossed = { signed: first.signed, signature: second.signature };
    expect(authority.verifyProof(crossed, '192.0.2.7', new Date())).toMatchObject({
      rejection: { code: 'proof_invalid' },
    });
  });
});

describe('what the certificate itself allows at the target', () => {
  it('is a PTY for a shell and none for file transfer', async () => {
    const withScope = (name: string) => issueUpstream(workerBlob(), { terms: { scope: scope(name) } });
    const shell = await ssh(web, {
      key: worker.path,
      certificate: withScope('shell'),
      flags: ['-tt'],
      command: ['tty'],
    });
    expect(web.log()).not.toContain('pty not permitted');
    // A PTY for an ordinary user's sshd depends on how the machine mounts devpts.
    if (isRoot) expect(shell.stdout).toContain('/dev/pts/');
    const files = { key: worker.path, certificate: withScope('files-rw'), flags: ['-tt'], command: ['tty'] };
    const { stdout, stderr } = await ssh(web, files);
    expect(stderr).toContain('PTY allocation request failed');
    expect(stdout).not.toContain('/dev/pts/');
    expect(await web.logged(/pty not permitted/)).toBeTruthy();
  });

  it('is no agent, even on a target whose sshd would forward one', async () => {
    await using lax = await startSshd({
      setUp: (dir) => ({
        files: [
          { path: `${dir}/ca.pub`, content: `${keys.targetCaPublicKey}\n` },
          { path: `${dir}/principals`, content: `${upstreamPrincipal(me, targetId('web-01'))}\n` },
        ],
        block: `TrustedUserCAKeys ${dir}/ca.pub\nAuthorizedPrincipalsFile ${dir}/principals`,
      }),
    });
    using own = testFolder();
    await using agent = await startAgent(own.path, []);
    const forwarded = async (certificate: string): Promise<string> => {
      const env = { SSH_AUTH_SOCK: agent.socket };
      const command = ['echo "agent: $SSH_AUTH_SOCK"'];
      return (await ssh(lax, { key: worker.path, certificate, env, flags: ['-A'], command })).stdout;
    };
    expect(await forwarded(issueUpstream(workerBlob()))).toBe('agent: \n');
    const owner = { ...makeKey('ssh-ed25519'), publicKey: workerKey() };
    const generous = signedBy(keys.targetCaPublicKey, keys.signAsTargetCa, owner, {
      principals: [upstreamPrincipal(me, targetId('web-01'))],
      extensions: [flagOption('permit-agent-forwarding')],
    });
    expect(await forwarded(certificateLine('ssh-ed25519-cert-v01@openssh.com', generous))).toMatch(/^agent: \/.+\n$/);
  });

  it('is its forced command and nothing else, where it carries one', async () => {
    const spec = upstreamCertificate(
      grant(1, { login: me }),
      { id: session, targetId: targetId('web-01'), sourceAddress: null },
      new Date(),
    );
    const criticalOptions = { 'force-command': 'echo "forced, asked: $SSH_ORIGINAL_COMMAND"' };
    const { certificate } = authority.issueUpstream(workerBlob(), { ...spec, criticalOptions });
    const { stdout } = await ssh(web, { key: worker.path, certificate, command: ['id'] });
    expect(stdout).toBe('forced, asked: id\n');
  });
});

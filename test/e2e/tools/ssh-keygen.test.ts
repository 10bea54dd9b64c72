import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode, reader, string, uint32 } from '../../../src/sshwire/bytes.ts';
import {
  certificateType,
  encodeToBeSigned,
  flagOption,
  parseCertificateLine,
  stringOption,
} from '../../../src/sshwire/certificate.ts';
import { checkCertificate } from '../../../src/sshwire/certificate-check.ts';
import { encodePublicKey, fingerprint, parsePublicKeyLine, publicKeyLine } from '../../../src/sshwire/public-key.ts';
import { blobName, verifySignature } from '../../../src/sshwire/signature.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { makeCertificate } from '../../support/peers/certificates.ts';
import { type KeyFile, makeKeyFile } from '../../support/peers/openssh.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import { KEY_TYPES, keyIn, makeKey, oneOfEach, type TestKey } from '../../support/peers/ssh-keys.ts';
import { NOON } from '../../support/samples/samples.ts';

/** What OpenSSH's own ssh-keygen writes and reads, against our codec. */

const KINDS = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072', 'rsa-4096'];
const folder = testFolder();
const files = new Map<string, KeyFile>();
const fileOf = (kind: string): KeyFile => {
  const file = files.get(kind);
  if (!file) throw new Error(`no ${kind}`);
  return file;
};

beforeAll(async () => {
  for (const kind of KINDS) files.set(kind, await makeKeyFile(folder.path, kind));
});
afterAll(() => folder[Symbol.dispose]());

const publicKey = (line: string) => {
  const key = parsePublicKeyLine(line);
  if (!key.ok) throw new Error(key.refusal.why);
  return key.value;
};

describe.each(KINDS)('a key that ssh-keygen made (%s)', (kind) => {
  it('is read and written back unchanged, with the fingerprint that ssh-keygen prints', async () => {
    const { path, line } = fileOf(kind);
    expect(publicKeyLine(publicKey(line))).toBe(line);
    expect(await runOk('ssh-keygen', ['-lf', path])).toContain(` ${fingerprint(publicKey(line))} `);
  });

  it('signs with ssh-keygen -Y, and we believe the signature for its key and data only', async () => {
    const { path, line } = fileOf(kind);
    const message = join(folder.path, `message-${kind}`);
    writeFileSync(message, 'what is signed');
    await runOk('ssh-keygen', ['-q', '-Y', 'sign', '-f', path, '-n', 'daypass-test', message]);
    const armoured = await runOk('cat', [`${message}.sig`]);
    const signature = signatureIn(armoured);
    const algorithm = blobName(signature) ?? '';
    const key = publicKey(line);
    const signed = sshsigData('what is signed');
    expect(verifySignature(key, algorithm, signature, signed)).toBe(true);
    expect(verifySignature(key, algorithm, signature, sshsigData('something else'))).toBe(false);
    const [other] = KINDS.filter((each) => each !== kind && each.split('-')[0] === kind.split('-')[0]);
    if (other) expect(verifySignature(publicKey(fileOf(other).line), algorithm, signature, signed)).toBe(false);
  });
});

it('a key of ssh-keygen’s that is too weak is refused with the reason', async () => {
  const { line } = await makeKeyFile(folder.path, 'rsa-2048');
  const key = parsePublicKeyLine(line);
  expect(key).toMatchObject({ ok: false, refusal: { code: 'weak_key', why: expect.stringContaining('2048 bits') } });
});

describe.each(KINDS)('certificates that ssh-keygen signed with a CA of type %s', (caKind) => {
  it.each(KINDS)('are read for %s, field by field, and accepted', async (kind) => {
    const subject = fileOf(kind);
    const certified = join(folder.path, `${caKind}-signs-${kind}`);
    writeFileSync(`${certified}.pub`, `${subject.line}\n`);
    const options = [
      'clear',
      'permit-pty',
      'permit-port-forwarding',
      'source-address=192.0.2.0/24,2001:db8::/32',
      'force-command=uptime -p',
      'extension:note@example.com=hello',
    ];
    await runOk('ssh-keygen', [
      ...['-q', '-s', fileOf(caKind).path, '-I', 'key id', '-n', 'deploy,web-01', '-z', '18446744073709551615'],
      ...['-V', '20300502110000Z:20300502130000Z', ...options.flatMap((each) => ['-O', each]), `${certified}.pub`],
    ]);
    const read = parseCertificateLine(await runOk('cat', [`${certified}-cert.pub`]));
    if (!read.ok) throw new Error(read.refusal.why);
    const ca = encodePublicKey(publicKey(fileOf(caKind).line));
    expect(read.value).toMatchObject({
      type: certificateType(publicKey(subject.line).type),
      publicKey: publicKey(subject.line),
      serial: 0xffff_ffff_ffff_ffffn,
      kind: 'user',
      keyId: 'key id',
      principals: ['deploy', 'web-01'],
      validAfter: BigInt(Date.UTC(2030, 4, 2, 11) / 1000),
      validBefore: BigInt(Date.UTC(2030, 4, 2, 13) / 1000),
      criticalOptions: [
        stringOption('force-command', 'uptime -p'),
        stringOption('source-address', '192.0.2.0/24,2001:db8::/32'),
      ],
      extensions: [
        stringOption('note@example.com', 'hello'),
        flagOption('permit-port-forwarding'),
        flagOption('permit-pty'),
      ],
    });
    expect(Buffer.from(read.value.signatureKey).equals(ca)).toBe(true);
    expect(Buffer.from(encodeToBeSigned(read.value)).equals(read.value.signed)).toBe(true);
    const terms = { caKeys: [ca], now: NOON, principal: 'deploy', sourceAddress: '2001:db8::7' };
    expect(checkCertificate(read.value, { ...terms, honours: ['force-command'] })).toMatchObject({
      ok: true,
      value: { forceCommand: 'uptime -p' },
    });
  });
});

describe('certificates that we wrote', () => {
  const keys = oneOfEach();
  const authorities = [makeKey('ssh-ed25519'), makeKey('ecdsa-sha2-nistp384'), keyIn(keys, 'ssh-rsa')];

  it.each(KEY_TYPES)('are read by ssh-keygen -L for %s, and it agrees with every field', async (type) => {
    for (const ca of authorities) {
      const { publicKey: key } = keyIn(keys, type);
      const { line } = makeCertificate(ca, key, NOON, {
        serial: 12_345_678_901_234_567_890n,
        keyId: 'daypass:some id',
        principals: ['deploy', 'deploy@web-01'],
        criticalOptions: [
          stringOption('force-command', 'internal-sftp -R'),
          stringOption('source-address', '192.0.2.0/24'),
        ],
        extensions: [flagOption('permit-port-forwarding'), flagOption('permit-pty')],
      });
      const shown = await runOk('ssh-keygen', ['-L', '-f', '-'], { stdin: `${line}\n` });
      const lines = shown.split('\n').map((each) => each.trim());
      const name = { 'ssh-rsa': 'RSA', 'ssh-ed25519': 'ED25519' }[type as string];
      expect(lines.slice(1)).toEqual([
        `Type: ${certificateType(type)} user certificate`,
        expect.stringMatching(new RegExp(`^Public key: ${name ?? '[A-Z0-9-]+'}-CERT `)),
        expect.stringContaining(
          `${fingerprint(ca.publicKey)} (using ${ca.type === 'ssh-rsa' ? 'rsa-sha2-512' : ca.type})`,
        ),
        'Key ID: "daypass:some id"',
        'Serial: 12345678901234567890',
        'Valid: from 2030-05-02T11:00:00 to 2030-05-02T13:00:00',
        'Principals:',
        'deploy',
        'deploy@web-01',
        'Critical Options:',
        'force-command internal-sftp -R',
        'source-address 192.0.2.0/24',
        'Extensions:',
        'permit-port-forwarding',
        'permit-pty',
        '',
      ]);
      expect(lines[2]).toContain(fingerprint(key));
    }
  });
});

describe.each(['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const)('FIDO: %s', (type) => {
  const key = makeKey(type);

  it('has the fingerprint that ssh-keygen prints', async () => {
    const shown = await runOk('ssh-keygen', ['-lf', '-'], { stdin: `${publicKeyLine(key.publicKey)}\n` });
    expect(shown).toContain(` ${fingerprint(key.publicKey)} `);
  });

  it('signs as a device does: ssh-keygen -Y verify and we agree, touched or with a PIN', async () => {
    for (const flags of [0x01, 0x05]) {
      const signature = key.sign(sshsigData('touched'), { flags });
      expect(verifySignature(key.publicKey, type, signature, sshsigData('touched'))).toBe(true);
      expect([flags, await believedBySshKeygen(key, signature, 'touched')]).toEqual([flags, true]);
      expect(verifySignature(key.publicKey, type, signature, sshsigData('not touched'))).toBe(false);
      expect([flags, await believedBySshKeygen(key, signature, 'not touched')]).toEqual([flags, false]);
    }
  });
});

/** PROTOCOL.sshsig: what `ssh-keygen -Y sign` signs. */
function sshsigData(message: string): Uint8Array {
  const hash = createHash('sha512').update(message).digest();
  return encode(Buffer.from('SSHSIG'), string('daypass-test'), string(''), string('sha512'), string(hash));
}

/** The signature blob inside `-----BEGIN SSH SIGNATURE-----`. */
function signatureIn(armoured: string): Uint8Array {
  const from = reader(Buffer.from(armoured.replace(/-----.*-----|\s/g, ''), 'base64').subarray(6));
  expect(from.uint32('version')).toBe(1);
  for (const field of ['public key', 'namespace', 'reserved', 'hash']) from.string(field);
  return from.string('signature');
}

async function believedBySshKeygen(key: TestKey, signature: Uint8Array, message: string): Promise<boolean> {
  const fields = [string(key.blob), string('daypass-test'), string(''), string('sha512'), string(signature)];
  const base64 = Buffer.from(encode(Buffer.from('SSHSIG'), uint32(1), ...fields)).toString('base64');
  const paths = { signature: join(folder.path, 'fido.sig'), signers: join(folder.path, 'fido.signers') };
  const armour = [
    '-----BEGIN SSH SIGNATURE-----',
    ...(base64.match(/.{1,70}/g) ?? []),
    '-----END SSH SIGNATURE-----',
    '',
  ];
  writeFileSync(paths.signature, armour.join('\n'));
  writeFileSync(paths.signers, `me ${publicKeyLine(key.publicKey)}\n`);
  const args = ['-Y', 'verify', '-f', paths.signers, '-I', 'me', '-n', 'daypass-test', '-s', paths.signature];
  return (await run('ssh-keygen', args, { stdin: message })).code === 0;
}

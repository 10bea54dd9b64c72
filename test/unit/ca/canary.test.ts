import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import pino from 'pino';
import sshpk from 'sshpk';
import { expect, it } from 'vitest';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { digest, grantId } from '../../support/samples/samples.ts';
import { systemRandom } from '../../support/worlds/authority.ts';

/** Every way in which a secret might be spelled: hex, base64 in each alignment, lists of bytes. */
function spellings(secret: Buffer): string[] {
  const base64 = [0, 1, 2].map((skip) => secret.subarray(skip).toString('base64').slice(0, 36));
  const list = [...secret.subarray(0, 12)];
  const inHex = secret.toString('hex').slice(0, 32);
  return [inHex, inHex.replace(/../g, '$& ').trim(), ...base64, list.join(','), list.join(', ')];
}

const KEY_FILES = ['user_ca', 'target_ca', 'gateway_host_key', 'recording_key'];

/** The raw secrets in a keys folder: the seeds of its private keys and the MAC key. */
function secretsIn(dir: string): Buffer[] {
  const seeds = KEY_FILES.map((file) => {
    const key = sshpk.parsePrivateKey(readFileSync(join(dir, file)), 'openssh');
    return Buffer.from(key.toBuffer('rfc4253').subarray(-64, -32));
  });
  return [...seeds, Buffer.from(readFileSync(join(dir, 'grant_mac_key'), 'utf8').trim(), 'hex')];
}

function shown(value: unknown): string {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  pino({ level: 'trace' }, sink).error({ err: value, value }, 'shown');
  const deep = {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
  } as const;
  const text = value instanceof Error ? `${value.message}\n${value.stack}\n${String(value.cause)}` : String(value);
  return [lines.join(''), inspect(value, deep), JSON.stringify(value) ?? '', text].join('\n');
}

const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

it('no secret is shown by what control makes of its keys, nor by any error about them', () => {
  using folder = testFolder();
  const dir = join(folder.path, 'keys');
  createKeys(dir);
  const secrets = secretsIn(dir).flatMap(spellings);
  const leaks = (value: unknown): string[] => secrets.filter((secret) => shown(value).includes(secret));
  // The search itself finds what it looks for.
  for (const file of ['user_ca', 'grant_mac_key']) expect(leaks(readFileSync(join(dir, file)))).not.toEqual([]);

  const keys = loadKeys(dir);
  const authority = certificateAuthority(keys, systemRandom);
  const spec = { keyId: '', principals: [], validAfter: new Date(), validBefore: new Date() };
  const empty = { ...spec, criticalOptions: {}, extensions: [] };
  const values: unknown[] = [
    keys,
    { ...keys },
    authority,
    authority.seal(grantId(1), digest(1)),
    thrownBy(() => authority.issueDownstream(keys.userCaPublicKey, empty)),
    thrownBy(() => authority.issueDownstream('', empty)),
    thrownBy(() => authority.digest(keys.mac)),
    thrownBy(() => keys.signAsUserCa(undefined as unknown as Uint8Array)),
    thrownBy(() => keys.mac(undefined as unknown as Uint8Array)),
    thrownBy(() => createKeys(dir)),
    ...[...KEY_FILES, 'grant_mac_key'].flatMap((file) => damaged(dir, folder.path, file)),
  ];
  expect(values.flatMap(leaks)).toEqual([]);
});

/** The errors about a key file that is cut short at many places, or that holds another secret than it should. */
function damaged(dir: string, into: string, damagedFile: string): unknown[] {
  const copy = join(into, `damaged-${damagedFile}`);
  mkdirSync(copy, { mode: 0o700 });
  for (const file of readdirSync(dir)) {
    writeFileSync(join(copy, file), readFileSync(join(dir, file)), { mode: 0o600 });
  }
  const whole = readFileSync(join(dir, damagedFile), 'utf8');
  const other = readFileSync(join(dir, damagedFile === 'grant_mac_key' ? 'user_ca' : 'grant_mac_key'), 'utf8');
  const cuts = Array.from({ length: 40 }, (_, n) => whole.slice(0, Math.floor(((whole.length - 2) * n) / 40)));
  return [...cuts, other].map((content) => {
    writeFileSync(join(copy, damagedFile), content);
    const error = thrownBy(() => loadKeys(copy));
    // It is about this file and not about something that the copy lacks.
    expect(String(error)).toContain(join(copy, damagedFile));
    return error;
  });
}

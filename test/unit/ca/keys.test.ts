import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { KeysError } from '../../../src/ca/files.ts';
import { addMissingKeys, createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { privateKeyFile } from '../../../src/sshwire/private-key.ts';
import { parsePublicKeyLine } from '../../../src/sshwire/public-key.ts';
import { verifySignature } from '../../../src/sshwire/signature.ts';
import { testFolder } from '../../support/checks/folder.ts';

const FILES = [
  'gateway_host_key',
  'gateway_host_key.pub',
  'grant_mac_key',
  'recording_key',
  'recording_key.pub',
  'target_ca',
  'target_ca.pub',
  'user_ca',
  'user_ca.pub',
];
const COMMENTS: Readonly<Record<string, string>> = {
  user_ca: 'daypass-user-ca',
  target_ca: 'daypass-target-ca',
  gateway_host_key: 'daypass-gateway',
  recording_key: 'daypass-recording',
};
const data = new TextEncoder().encode('data');

/** Runs `work` on freshly made keys. */
function withKeys(work: (dir: string) => void): void {
  using folder = testFolder();
  const dir = join(folder.path, 'keys');
  createKeys(dir);
  work(dir);
}

function refusal(dir: string): KeysError {
  try {
    loadKeys(dir);
  } catch (error) {
    if (error instanceof KeysError) return error;
    throw error;
  }
  throw new Error('the keys were loaded');
}

const signedBy = (line: string, signature: Uint8Array): boolean => {
  const key = parsePublicKeyLine(line);
  return key.ok && verifySignature(key.value, 'ssh-ed25519', signature, data);
};

const modesIn = (dir: string): number[] =>
  [dir, ...FILES.map((file) => join(dir, file))].map((path) => statSync(path).mode & 0o7777);

describe('made keys', () => {
  it('lie in a folder of mode 0700, each file 0600, and nothing else lies about', () => {
    using folder = testFolder();
    const dir = join(folder.path, 'data', 'keys');
    createKeys(dir);
    expect(modesIn(dir)).toEqual([0o700, ...FILES.map(() => 0o600)]);
    expect(readdirSync(dir).sort()).toEqual(FILES);
    expect(readdirSync(join(folder.path, 'data'))).toEqual(['keys']);
    expect(statSync(join(folder.path, 'data')).mode & 0o7777).toBe(0o700);
  });

  it('take the place of an empty folder', () => {
    using folder = testFolder();
    const dir = join(folder.path, 'keys');
    mkdirSync(dir);
    createKeys(dir);
    expect(readdirSync(dir).sort()).toEqual(FILES);
  });

  it('show their private half to the gateway alone, and to nobody who looks at all of them', () => {
    withKeys((dir) => {
      const keys = loadKeys(dir);
      expect(Object.keys(keys)).not.toContain('gatewayHostKey');
      expect('gatewayHostKey' in { ...keys }).toBe(false);
      expect(Object.isFrozen(keys)).toBe(true);
    });
  });

  // Threads, in which Stryker runs tests, cannot change it.
  it.runIf(isMainThread).each([0, 0o777])('have these modes whatever the umask is, such as %d', (umask) => {
    using folder = testFolder();
    const dir = join(folder.path, 'keys');
    const before = process.umask(umask);
    try {
      createKeys(dir);
    } finally {
      process.umask(before);
    }
    expect(modesIn(dir)).toEqual([0o700, ...FILES.map(() => 0o600)]);
    expect(loadKeys(dir).userCaPublicKey).toMatch(/^ssh-ed25519 /);
  });

  it('are four different ed25519 keys that sign, each as itself', () => {
    withKeys((dir) => {
      const keys = loadKeys(dir);
      expect(signedBy(keys.userCaPublicKey, keys.signAsUserCa(data))).toBe(true);
      expect(signedBy(keys.targetCaPublicKey, keys.signAsTargetCa(data))).toBe(true);
      expect(signedBy(keys.targetCaPublicKey, keys.signAsUserCa(data))).toBe(false);
      expect(signedBy(keys.userCaPublicKey, keys.signAsTargetCa(data))).toBe(false);
      expect(signedBy(keys.recordingPublicKey, keys.signAsRecorder(data))).toBe(true);
      expect(keys.gatewayHostKey).toBe(readFileSync(join(dir, 'gateway_host_key'), 'utf8'));
      expect(readFileSync(join(dir, 'gateway_host_key.pub'), 'utf8')).toContain(keys.gatewayHostPublicKey);
    });
  });

  it('are what ssh-keygen reads, each with its comment', () => {
    withKeys((dir) => {
      for (const file of FILES.filter((name) => !name.endsWith('.pub') && name !== 'grant_mac_key')) {
        const read = execFileSync('ssh-keygen', ['-y', '-f', join(dir, file)], { encoding: 'utf8' });
        expect(read).toBe(readFileSync(join(dir, `${file}.pub`), 'utf8'));
        expect(read.split(' ')[2]).toBe(`${COMMENTS[file]}\n`);
      }
    });
  });

  it('differ each time, the MAC key too', () => {
    withKeys((one) =>
      withKeys((other) => {
        const [a, b] = [loadKeys(one), loadKeys(other)];
        expect(a.userCaPublicKey).not.toBe(b.userCaPublicKey);
        expect(Buffer.from(a.mac(data))).not.toEqual(Buffer.from(b.mac(data)));
        expect(Buffer.from(a.mac(data))).toEqual(Buffer.from(loadKeys(one).mac(data)));
        const key = Buffer.from(readFileSync(join(one, 'grant_mac_key'), 'utf8').trim(), 'hex');
        expect(key).toHaveLength(32);
        expect(Buffer.from(a.mac(data))).toEqual(createHmac('sha256', key).update(data).digest());
      }),
    );
  });

  it('are never overwritten, and a refused attempt leaves nothing behind', () => {
    withKeys((dir) => {
      const before = readFileSync(join(dir, 'user_ca'), 'utf8');
      expect(() => createKeys(dir)).toThrow(
        new KeysError(dir, 'it already exists', 'Keys are never overwritten: move it somewhere else first.'),
      );
      expect(readFileSync(join(dir, 'user_ca'), 'utf8')).toBe(before);
      expect(readdirSync(join(dir, '..'))).toEqual(['keys']);
    });
    using folder = testFolder();
    const file = join(folder.path, 'keys');
    writeFileSync(file, '');
    expect(() => createKeys(file)).toThrow(/it already exists/);
  });
});

describe('keys are refused, with path, reason and remedy,', () => {
  it.each(FILES)('where others can read or write %s', (file) => {
    withKeys((dir) => {
      const path = join(dir, file);
      for (const mode of [0o640, 0o604, 0o620, 0o602, 0o777]) {
        chmodSync(path, mode);
        const { message } = refusal(dir);
        expect(message).toContain(path);
        expect(message).toContain(`0${mode.toString(8)}`);
        expect(message).toContain(`chmod 600 ${path}`);
      }
      chmodSync(path, 0o600);
      expect(loadKeys(dir).userCaPublicKey).toBeTruthy();
    });
  });

  it('where others can look into their folder', () => {
    withKeys((dir) => {
      for (const mode of [0o750, 0o705, 0o711, 0o770, 0o1777]) {
        chmodSync(dir, mode);
        expect(refusal(dir).message).toContain(`chmod 700 ${dir}`);
      }
    });
  });

  it.each(FILES)('where %s is missing or a symbolic link', (file) => {
    withKeys((dir) => {
      const path = join(dir, file);
      renameSync(path, join(dir, 'elsewhere'));
      expect(refusal(dir).message).toContain(`${path}: it is missing`);
      symlinkSync(join(dir, 'elsewhere'), path);
      expect(refusal(dir).message).toContain(`${path}: it is a symbolic link`);
    });
  });

  it('where their folder is missing, a symbolic link or no folder', () => {
    withKeys((dir) => {
      symlinkSync(dir, `${dir}-link`);
      expect(refusal(`${dir}-link`).message).toContain('it is a symbolic link');
      expect(refusal(`${dir}-none`).message).toContain('daypass init');
      expect(refusal(join(dir, 'user_ca')).message).toContain('it is not a folder');
    });
  });

  it('where a file is a folder, or too large for a key', () => {
    withKeys((dir) => {
      const path = join(dir, 'user_ca');
      writeFileSync(path, 'x'.repeat(20_000));
      expect(refusal(dir).message).toContain('too large');
      rmSync(path);
      mkdirSync(path, { mode: 0o700 });
      expect(refusal(dir).message).toContain('it is not a file');
    });
  });

  it('where somebody else owns the folder or a file', () => {
    // Only root can give files away; anybody else finds a folder of root's.
    if (process.getuid?.() !== 0) return expect(refusal('/').message).toContain('it belongs to user 0');
    withKeys((dir) => {
      const path = join(dir, 'target_ca');
      chownSync(path, 12_345, 12_345);
      expect(refusal(dir).message).toContain(`${path}: it belongs to user 12345`);
      chownSync(path, 0, 0);
      chownSync(dir, 12_345, 12_345);
      expect(refusal(dir).message).toContain(`${dir}: it belongs to user 12345`);
    });
  });

  it('where a key is not what it has to be', () => {
    withKeys((dir) => {
      const put = (file: string, content: string): string => {
        const path = join(dir, file);
        const before = readFileSync(path, 'utf8');
        writeFileSync(path, content);
        const { message } = refusal(dir);
        writeFileSync(path, before);
        return message;
      };
      const path = (file: string): string => join(dir, file);
      const of = (file: string): string => readFileSync(path(file), 'utf8');
      const made = (...how: string[]): string => {
        execFileSync('ssh-keygen', ['-q', ...how, '-f', path('made')]);
        const key = of('made');
        for (const file of ['made', 'made.pub']) rmSync(path(file));
        return key;
      };
      const noKey = `${path('user_ca')}: it is not an ed25519 key in OpenSSH format without a passphrase. Restore it from a backup. To remove a passphrase, use ssh-keygen -p.`;
      for (const content of [
        ...['garbage', ''],
        made('-t', 'ecdsa', '-N', ''),
        made('-t', 'ed25519', '-N', 'a passphrase', '-a', '1'),
      ]) {
        expect(put('user_ca', content)).toBe(noKey);
      }
      const notItsHalf = `${path('user_ca.pub')}: it is not the public half of user_ca. Write it again: ssh-keygen -y -f ${path('user_ca')}`;
      expect(put('user_ca', of('target_ca'))).toBe(notItsHalf);
      const [type, base64] = of('user_ca.pub').split(' ');
      for (const content of ['', 'ssh-ed25519', `${base64}`, `ssh-rsa ${base64}`, `${type}${base64}`]) {
        expect(put('user_ca.pub', content)).toBe(notItsHalf);
      }
      const noMac = `${path('grant_mac_key')}: it is not 32 bytes in hex. Restore it from a backup: without it no stored grant is valid.`;
      const mac = of('grant_mac_key').trim();
      for (const content of ['', 'abcd', mac.slice(1), `${mac}0`, `x${mac.slice(1)}`, mac.replace(/.$/, 'A')]) {
        expect(put('grant_mac_key', content)).toBe(noMac);
      }
      expect(loadKeys(dir).userCaPublicKey).toBeTruthy();
    });
  });

  it('not for blanks or a comment in a public half', () => {
    withKeys((dir) => {
      const path = join(dir, 'user_ca.pub');
      const [type, base64] = readFileSync(path, 'utf8').split(' ');
      for (const line of [`${type} ${base64}`, ` ${type}\t ${base64}  another comment\n\n`]) {
        writeFileSync(path, line);
        expect(loadKeys(dir).userCaPublicKey).toBe(`${type} ${base64}`);
      }
    });
  });

  it('where the public half is one for which anybody can sign', () => {
    withKeys((dir) => {
      const weak = { seed: new Uint8Array(32).fill(1), publicKey: new Uint8Array(32), comment: 'x' };
      writeFileSync(join(dir, 'user_ca'), privateKeyFile(weak, new Uint8Array(4)));
      expect(() => loadKeys(dir)).toThrow(/small order/);
    });
  });

  it('where the halves of a private key do not match', () => {
    withKeys((dir) => {
      const path = join(dir, 'user_ca');
      const body = Buffer.from(readFileSync(path, 'utf8').replace(/-----.*-----|\n/g, ''), 'base64');
      const type = Buffer.from('\0\0\0\x0bssh-ed25519');
      const seed = body.lastIndexOf(type) + type.length + 4 + 32 + 4;
      body[seed] = (body[seed] ?? 0) ^ 1;
      const lines = body.toString('base64').replace(/.{70}/g, '$&\n');
      writeFileSync(path, `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`);
      expect(refusal(dir).message).toBe(
        `${path}: its public and private halves do not match. Restore it from a backup.`,
      );
    });
  });

  it.each([
    ['user_ca', 'target_ca'],
    ['user_ca', 'gateway_host_key'],
    ['target_ca', 'recording_key'],
    ['gateway_host_key', 'recording_key'],
  ])('where one key serves as %s and as %s', (one, other) => {
    withKeys((dir) => {
      for (const suffix of ['', '.pub']) {
        writeFileSync(join(dir, `${other}${suffix}`), readFileSync(join(dir, `${one}${suffix}`)));
      }
      expect(refusal(dir).message).toBe(
        `${dir}: the user CA, the target CA, the gateway host key and the recording key are not four different keys. A target that trusted the user CA could be reached without the gateway. Make new keys.`,
      );
    });
  });

  it('where they are of a version that knew no recording key', () => {
    withKeys((dir) => {
      for (const file of ['recording_key', 'recording_key.pub']) rmSync(join(dir, file));
      expect(refusal(dir).message).toBe(
        `${join(dir, 'recording_key')}: it is missing: an earlier version of Daypass made these keys. Make it: daypass init --add-missing-keys`,
      );
      addMissingKeys(dir);
      expect(modesIn(dir)).toEqual([0o700, ...FILES.map(() => 0o600)]);
    });
  });

  it('and none is added to a folder that others could look into', () => {
    withKeys((dir) => {
      for (const file of ['recording_key', 'recording_key.pub']) rmSync(join(dir, file));
      chmodSync(dir, 0o755);
      expect(() => addMissingKeys(dir)).toThrow(KeysError);
      expect(readdirSync(dir)).not.toContain('recording_key');
    });
  });
});

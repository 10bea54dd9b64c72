import { execFileSync } from 'node:child_process';
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
import { describe, expect, it } from 'vitest';
import { KeysError } from '../../../src/ca/files.ts';
import { createKeys, loadKeys } from '../../../src/ca/keys.ts';
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
  });

  it.each([0, 0o777])('have these modes whatever the umask is, such as %d', (umask) => {
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

  it('are three different ed25519 keys that sign, each as itself', () => {
    withKeys((dir) => {
      const keys = loadKeys(dir);
      expect(signedBy(keys.userCaPublicKey, keys.signAsUserCa(data))).toBe(true);
      expect(signedBy(keys.targetCaPublicKey, keys.signAsTargetCa(data))).toBe(true);
      expect(signedBy(keys.targetCaPublicKey, keys.signAsUserCa(data))).toBe(false);
      expect(signedBy(keys.userCaPublicKey, keys.signAsTargetCa(data))).toBe(false);
      expect(keys.gatewayHostKey).toBe(readFileSync(join(dir, 'gateway_host_key'), 'utf8'));
      expect(readFileSync(join(dir, 'gateway_host_key.pub'), 'utf8')).toContain(keys.gatewayHostPublicKey);
    });
  });

  it('are what ssh-keygen reads, each with its comment', () => {
    withKeys((dir) => {
      for (const file of FILES.filter((name) => !name.endsWith('.pub') && name !== 'grant_mac_key')) {
        const read = execFileSync('ssh-keygen', ['-y', '-f', join(dir, file)], { encoding: 'utf8' });
        expect(read).toBe(readFileSync(join(dir, `${file}.pub`), 'utf8'));
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
      }),
    );
  });

  it('are never overwritten, and a refused attempt leaves nothing behind', () => {
    withKeys((dir) => {
      const before = readFileSync(join(dir, 'user_ca'), 'utf8');
      expect(() => createKeys(dir)).toThrow(KeysError);
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
      const other = readFileSync(join(dir, 'target_ca'), 'utf8');
      expect(put('user_ca', 'garbage')).toContain('not an ed25519 key');
      expect(put('user_ca', '')).toContain('not an ed25519 key');
      expect(put('user_ca', other)).toContain('user_ca.pub: it is not the public half of user_ca');
      expect(put('grant_mac_key', 'abcd')).toContain('not 32 bytes in hex');
      expect(loadKeys(dir).userCaPublicKey).toBeTruthy();
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
      expect(refusal(dir).message).toContain('do not match');
    });
  });

  it('where one key serves as both CAs', () => {
    withKeys((dir) => {
      for (const suffix of ['', '.pub']) {
        writeFileSync(join(dir, `target_ca${suffix}`), readFileSync(join(dir, `user_ca${suffix}`)));
      }
      expect(refusal(dir).message).toContain('not four different keys');
    });
  });
});

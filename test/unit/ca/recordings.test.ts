import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addMissingKeys, createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { recordingChecker, recordingSigner } from '../../../src/ca/recordings.ts';
import { verifySshsig } from '../../../src/sshwire/sshsig.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { runOk } from '../../support/peers/processes.ts';

const message = Buffer.from('what was recorded');

function world() {
  const folder = testFolder();
  createKeys(join(folder.path, 'keys'));
  const keys = loadKeys(join(folder.path, 'keys'));
  const signer = recordingSigner(keys);
  const checker = recordingChecker(`${keys.recordingPublicKey} a comment\n`);
  return { folder, keys, signer, checker, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe('a signature of the recording key', () => {
  it('is good for what was signed, for what it was made for, and for nothing else', () => {
    using one = world();
    using other = world();
    const signature = one.signer.file('recording', message);
    expect(one.checker.file('recording', message, signature)).toBe(true);
    expect(one.checker.file('erasure', message, signature)).toBe(false);
    expect(one.checker.file('recording', Buffer.from('something else'), signature)).toBe(false);
    expect(other.checker.file('recording', message, signature)).toBe(false);
    const line = one.signer.line(message);
    expect(one.checker.line(message, line)).toBe(true);
    expect(one.checker.line(message, `${line}\n`)).toBe(false);
    expect(one.checker.file('recording', message, one.signer.line(message))).toBe(false);
  });

  it('is made under the name that the documentation gives it, and base64 in a line is written in one way', () => {
    using one = world();
    const blob = Buffer.from(one.keys.recordingPublicKey.split(' ')[1] ?? '', 'base64');
    const bytesOf = (armored: string): Buffer => Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
    for (const what of ['recording', 'erasure'] as const) {
      const signature = bytesOf(one.signer.file(what, message));
      expect(verifySshsig(signature, blob, `daypass-${what}`, message)).toBe(true);
    }
    const line = one.signer.line(message);
    expect(verifySshsig(Buffer.from(line, 'base64'), blob, 'daypass-ledger', message)).toBe(true);
    for (const other of [`${line} `, line.replace(/=+$/, '*'), line.replaceAll('/', '_').replaceAll('+', '-')]) {
      if (other !== line) expect([other, one.checker.line(message, other)]).toEqual([other, false]);
    }
    expect(one.checker.line(Buffer.from('something else'), line)).toBe(false);
  });

  it('cannot be checked with a key that is none', () => {
    const why = /^the recording key cannot be read: its second word is not base64$/;
    expect(() => recordingChecker('ssh-ed25519 !')).toThrow(why);
  });

  it('is lost with any bit of its file, and nothing makes the check throw', () => {
    using one = world();
    const bytes = Buffer.from(one.signer.file('recording', message));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(one.checker.file('recording', message, changed.toString('latin1')), `bit ${bit}`).toBe(false);
    }
    for (let length = 0; length < bytes.length; length += 1) {
      expect(one.checker.file('recording', message, bytes.toString('latin1', 0, length))).toBe(false);
    }
    expect(one.checker.file('recording', message, 'x'.repeat(1_000_000))).toBe(false);
  });

  it('that ssh-keygen makes is believed too, and what it signs for something else is not', async () => {
    using folder = testFolder();
    const key = await makeKeyFile(folder.path, 'ed25519');
    const file = join(folder.path, 'message');
    writeFileSync(file, message);
    const blob = Buffer.from(key.line.split(' ')[1] ?? '', 'base64');
    const checker = recordingChecker(key.line);
    for (const [namespace, good] of [['daypass-recording', true] as const, ['file', false] as const]) {
      const armored = await runOk('sh', ['-c', `ssh-keygen -q -Y sign -f ${key.path} -n ${namespace} < ${file}`]);
      expect(checker.file('recording', message, armored)).toBe(good);
      const bytes = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
      expect(verifySshsig(bytes, blob, namespace, message)).toBe(true);
    }
  });
});

describe('keys of an earlier version', () => {
  it('are refused with the command that adds what is missing, and get it without a change to the others', async () => {
    const { readFileSync, readdirSync, rmSync } = await import('node:fs');
    using one = world();
    const dir = join(one.folder.path, 'keys');
    for (const name of ['recording_key', 'recording_key.pub']) rmSync(join(dir, name));
    const before = readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8'));
    expect(() => loadKeys(dir)).toThrow('daypass init --add-missing-keys');
    expect(readdirSync(dir)).toHaveLength(before.length);
    expect(addMissingKeys(dir)).toEqual(['recording_key']);
    const names = readdirSync(dir).filter((name) => !name.startsWith('recording'));
    expect(names.map((name) => readFileSync(join(dir, name), 'utf8'))).toEqual(before);
    const made = loadKeys(dir).recordingPublicKey;
    expect(addMissingKeys(dir)).toEqual([]);
    expect(loadKeys(dir).recordingPublicKey).toBe(made);
    // One half alone is no earlier version but damage: nothing is made in its place.
    rmSync(join(dir, 'recording_key'));
    expect(addMissingKeys(dir)).toEqual([]);
    expect(() => loadKeys(dir)).toThrow('Restore it from a backup');
  });
});

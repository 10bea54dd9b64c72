import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, type Keys, loadKeys } from '../../../src/ca/keys.ts';
import type { CertificateAuthority } from '../../../src/use-cases/ports/authority.ts';
import type { Clock } from '../../../src/use-cases/ports/clock.ts';
import type { RandomSource } from '../../../src/use-cases/ports/random.ts';
import { testFolder } from '../checks/folder.ts';

export const systemRandom: RandomSource = {
  uuid: randomUUID,
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** Fresh keys, read once; their folder is gone again. */
export function testKeys(): Keys {
  using folder = testFolder();
  const dir = join(folder.path, 'keys');
  createKeys(dir);
  return loadKeys(dir);
}

export const testAuthority = (
  keys: Keys = testKeys(),
  random: RandomSource = systemRandom,
  clock?: Clock,
): CertificateAuthority => certificateAuthority(keys, random, clock);

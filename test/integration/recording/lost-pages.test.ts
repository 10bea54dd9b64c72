import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CIPHER, FRAME } from '../../../src/recording/format/format.ts';
import { Container } from '../../../src/recording/thread/container.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { mountLossy } from '../../support/worlds/mounts.ts';
import { sessionId } from '../../support/worlds/recordings.ts';

describeAsRoot('a recording whose disk has lost a part of it', () => {
  it('is never called whole again, though the disk takes everything from then on', async () => {
    using folder = testFolder();
    await using disk = await mountLossy(folder.path, join(folder.path, 'disk'));
    const start = new Date().toISOString();
    const header = { session: sessionId(1), start, cipher: CIPHER, keySha256: '0'.repeat(64) } as const;
    const path = join(disk.path, 'recording.bin');
    const container = await Container.create(path, header, randomBytes(32), Container.gathering());
    const write = (): void => {
      for (let n = 0; n < 64; n += 1) container.add(FRAME.stdout, 0, n, randomBytes(32 * 1024));
      container.flush();
    };
    write();
    await container.sync();
    disk.lose();
    write();
    await expect(container.sync()).rejects.toThrow(/ENOSPC|EIO/);
    disk.keep();
    await expect(container.sync()).rejects.toThrow(/ENOSPC|EIO/);
    write();
    await expect(container.sync()).rejects.toThrow(/ENOSPC|EIO/);
    container.close();
  });
});

import { describe, expect, it } from 'vitest';
import { RESERVE } from '../../../../src/access/disk-space.ts';
import { deferred } from '../../../../src/gateway/deferred.ts';
import { SpoolSpace } from '../../../../src/gateway/worker/spool-space.ts';

const START = { spool: '/spool', minFreeMiB: 100 };
const LEFT = START.minFreeMiB * RESERVE;

describe('the disk of the spool', () => {
  it.each([
    [START.minFreeMiB, null, false],
    [START.minFreeMiB - 1, START.minFreeMiB - 1, false],
    [LEFT, LEFT, false],
    [LEFT - 1, LEFT - 1, true],
  ])('with %i MiB: too little %s, at the reserve %s', async (free, tooLittle, isAtReserve) => {
    const asked: string[] = [];
    const space = new SpoolSpace(START, async (folder) => {
      asked.push(folder);
      return free;
    });
    expect([await space.tooLittle(), await space.isAtReserve()]).toEqual([tooLittle, isAtReserve]);
    expect(asked).toEqual(['/spool', '/spool']);
  });

  it('ends no session where it does not answer, and begins none', async () => {
    const space = new SpoolSpace(START, () => Promise.reject(new Error('EIO')));
    expect(await space.isAtReserve()).toBe(false);
    await expect(space.tooLittle()).rejects.toThrow('EIO');
  });

  it('is not asked again about the reserve before it has answered', async () => {
    let answer = deferred<number>();
    let asked = 0;
    const space = new SpoolSpace(START, () => {
      asked += 1;
      return answer.promise;
    });
    const first = space.isAtReserve();
    expect([await space.isAtReserve(), asked]).toEqual([false, 1]);
    answer.resolve(0);
    expect(await first).toBe(true);
    answer = deferred();
    const second = space.isAtReserve();
    answer.resolve(0);
    expect([await second, asked]).toEqual([true, 2]);
  });
});

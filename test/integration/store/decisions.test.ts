import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Decisions } from '../../../src/store/decisions.ts';
import { Sealing } from '../../../src/store/sealing.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { later, NOON } from '../../support/samples/samples.ts';
import { testSeals } from '../../support/worlds/beside.ts';

const OVER = { key: 'grant:1', until: later(60).toISOString(), end: null };

let folder: TestFolder;
let path: string;
beforeEach(() => {
  folder = testFolder();
  path = join(folder.path, 'decisions.jsonl');
});
afterEach(() => folder[Symbol.dispose]());

it('an end that is being committed is no sign of a changed row to who reads meanwhile, and is one to who comes later', async () => {
  await using decisions = await Decisions.create(path, 0, null);
  const reading = new Sealing(testSeals, decisions);
  await decisions.write(1, [OVER], false);
  expect(reading.over(OVER.key)).toBeNull();
  expect(new Sealing(testSeals, decisions).over(OVER.key)).toBeNull();
  decisions.settle(1);
  // It may have read the row before the commit.
  expect(reading.over(OVER.key)).toBeNull();
  expect(new Sealing(testSeals, decisions).over(OVER.key)).toEqual(OVER);
});

it('an end whose transaction nobody heard of any more counts after the next start', async () => {
  {
    await using decisions = await Decisions.create(path, 0, null);
    await decisions.write(1, [OVER], false);
  }
  await using decisions = await Decisions.open(path, NOON);
  expect(new Sealing(testSeals, decisions).over(OVER.key)).toEqual(OVER);
});

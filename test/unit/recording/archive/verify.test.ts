import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eraseRecording } from '../../../../src/recording/archive/erase.ts';
import { verifyRecording } from '../../../../src/recording/archive/verify.ts';
import { verifyAll, verifyLedger } from '../../../../src/recording/archive/verify-all.ts';
import { Desk, sessionId } from '../../../support/worlds/recordings.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';

const verify = (desk: Desk, n: number) => verifyRecording(desk.folder(n), sessionId(n), desk.checker);

async function all(desk: Desk) {
  const verdicts: Awaited<ReturnType<typeof verify>>[] = [];
  const told = (verdict: (typeof verdicts)[number]) => void verdicts.push(verdict);
  const ledger = await verifyAll(desk.recordings, desk.checker, { told, progress: () => {} });
  return { verdicts, ledger, broken: verdicts.filter((each) => each.state === 'broken') };
}

describe('a sealed recording', () => {
  it('holds, and says what it is', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = await desk.sealed(1);
    expect(await verify(desk, 1)).toMatchObject({ state: 'closed', problems: [], head, chunks, bytes });
    expect(await all(desk)).toMatchObject({ broken: [], ledger: { problems: [], lines: 1 } });
  });

  it('shows a changed bit in any byte of any of its files', async () => {
    await using desk = new Desk();
    await desk.sealed(1);
    for (const name of readdirSync(desk.folder(1))) {
      const path = join(desk.folder(1), name);
      const whole = readFileSync(path);
      for (let at = 0; at < whole.length; at += 1) {
        for (const bit of LONG ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
          const changed = Buffer.from(whole);
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          writeFileSync(path, changed);
          const verdict = await verify(desk, 1);
          expect(verdict.state, `${name}, byte ${at}, bit ${bit}`).toBe('broken');
        }
      }
      writeFileSync(path, whole);
    }
    expect((await verify(desk, 1)).state).toBe('closed');
  });

  it('names the chunk that was changed, and where it begins', async () => {
    await using desk = new Desk();
    const { offsets } = await desk.sealed(1);
    const path = join(desk.folder(1), 'recording.bin');
    const whole = readFileSync(path);
    for (const [chunk, offset] of offsets.entries()) {
      for (const place of [0, 3, 4, 20]) {
        const changed = Buffer.from(whole);
        changed[offset + place] = (changed[offset + place] ?? 0) ^ 1;
        writeFileSync(path, changed);
        const [problem] = (await verify(desk, 1)).problems;
        expect(problem, `chunk ${chunk}, place ${place}`).toMatchObject({ file: 'recording.bin', chunk, offset });
      }
    }
  });

  it.each([
    ['cut at its end', (path: string, size: number) => truncateSync(path, size - 1)],
    ['followed by something', (path: string) => appendFileSync(path, Buffer.alloc(40, 1))],
    ['followed by a byte', (path: string) => appendFileSync(path, 'x')],
    ['emptied', (path: string) => truncateSync(path, 0)],
    ['taken away', (path: string) => rmSync(path)],
  ])('shows a file that was %s', async (_what, change) => {
    await using desk = new Desk();
    await desk.sealed(1);
    const folder = desk.folder(1);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const whole = readFileSync(path);
      change(path, whole.length);
      expect((await verify(desk, 1)).state, name).toBe('broken');
      writeFileSync(path, whole);
    }
  });

  it('shows a last chunk that was cut off whole, and a chunk put twice', async () => {
    await using desk = new Desk();
    const { offsets } = await desk.sealed(1);
    const path = join(desk.folder(1), 'recording.bin');
    const whole = readFileSync(path);
    truncateSync(path, offsets[2]);
    expect(await verify(desk, 1)).toMatchObject({
      state: 'broken',
      problems: [{ file: 'recording.bin', chunk: 2, offset: offsets[2], why: 'it is cut off here' }],
    });
    writeFileSync(path, Buffer.concat([whole, whole.subarray(offsets[2])]));
    expect((await verify(desk, 1)).problems[0]).toMatchObject({ chunk: 3, offset: whole.length });
  });

  it('is not read through a link, and holds nothing that its seal does not cover', async () => {
    await using desk = new Desk();
    await desk.sealed(1);
    const folder = desk.folder(1);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      renameSync(path, join(desk.path, 'moved'));
      symlinkSync(join(desk.path, 'moved'), path);
      expect((await verify(desk, 1)).problems, name).toContainEqual(
        expect.objectContaining({ file: name, why: 'it is a symbolic link' }),
      );
      rmSync(path);
      renameSync(join(desk.path, 'moved'), path);
    }
    writeFileSync(join(folder, 'more\u001b[2J'), '');
    expect((await verify(desk, 1)).problems).toEqual([
      { file: 'more?[2J', chunk: null, offset: null, why: 'it is not part of a recording' },
    ]);
  });

  it('of another key, another session or nobody is not believed', async () => {
    await using desk = new Desk();
    await using other = new Desk();
    await desk.sealed(1);
    expect((await verifyRecording(desk.folder(1), sessionId(1), other.checker)).state).toBe('broken');
    cpSync(desk.folder(1), desk.folder(2), { recursive: true });
    expect((await verify(desk, 2)).problems).toEqual([
      expect.objectContaining({ why: 'it is the manifest of another session' }),
    ]);
    desk.write(3);
    expect((await verify(desk, 3)).problems).toEqual([
      expect.objectContaining({ file: 'manifest.json.sig', why: expect.stringContaining('never sealed') }),
    ]);
    mkdirSync(desk.folder(4));
    symlinkSync(desk.folder(1), desk.folder(5));
    for (const n of [4, 5, 6]) expect((await verify(desk, n)).state, String(n)).toBe('broken');
    renameSync(desk.folder(1), join(desk.path, 'elsewhere'));
    symlinkSync(join(desk.path, 'elsewhere'), desk.folder(1));
    expect((await verify(desk, 1)).problems).toEqual([
      expect.objectContaining({ file: '.', why: 'it is not a folder' }),
    ]);
  });
});

describe('an erased recording', () => {
  it('has no key any more, says under which rule, and its chain still holds', async () => {
    await using desk = new Desk();
    await desk.sealed(1);
    const deps = await desk.deps();
    await eraseRecording(deps, desk.folder(1), 'retention P90D');
    expect(readdirSync(desk.folder(1))).not.toContain('key.age');
    expect(await verify(desk, 1)).toMatchObject({ state: 'erased', rule: 'retention P90D', problems: [] });
    expect(await all(desk)).toMatchObject({ broken: [], ledger: { problems: [], lines: 2 } });
    await eraseRecording(deps, desk.folder(1), 'another rule');
    expect(await verify(desk, 1)).toMatchObject({ state: 'erased', rule: 'retention P90D' });
    expect((await all(desk)).ledger.lines).toBe(2);
  });

  it('shows each changed byte all the same, and a rule that was put in', async () => {
    await using desk = new Desk();
    await desk.sealed(1);
    const key = readFileSync(join(desk.folder(1), 'key.age'));
    await eraseRecording(await desk.deps(), desk.folder(1), 'r');
    for (const name of readdirSync(desk.folder(1))) {
      const path = join(desk.folder(1), name);
      const whole = readFileSync(path);
      for (let at = 0; at < whole.length; at += name.startsWith('erased') ? 1 : 37) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ 4;
        writeFileSync(path, changed);
        expect((await verify(desk, 1)).state, `${name}, byte ${at}`).toBe('broken');
      }
      writeFileSync(path, whole);
    }
    writeFileSync(join(desk.folder(1), 'key.age'), key);
    expect((await verify(desk, 1)).problems[0]?.why).toContain('still there');
  });

  it('is not what a key that somebody removed makes', async () => {
    await using desk = new Desk();
    await desk.sealed(1);
    await desk.sealed(2);
    rmSync(join(desk.folder(1), 'key.age'));
    expect((await verify(desk, 1)).problems).toEqual([
      expect.objectContaining({ why: 'it is missing, and no erasure explains why' }),
    ]);
    await eraseRecording(await desk.deps(), desk.folder(2), 'r');
    for (const name of ['erased.json', 'erased.json.sig'])
      copyFileSync(join(desk.folder(2), name), join(desk.folder(1), name));
    expect((await verify(desk, 1)).problems[0]?.why).toBe('it is the erasure of something else');
    // The folder of the second one as it was before: its ledger line stays.
    for (const name of ['erased.json', 'erased.json.sig']) rmSync(join(desk.folder(2), name));
    writeFileSync(join(desk.folder(2), 'key.age'), 'x');
    expect((await all(desk)).broken.map((each) => each.session)).toEqual([sessionId(1), sessionId(2)]);
  });
});

describe('the ledger', () => {
  async function ledgerOf(desk: Desk, count: number): Promise<string[]> {
    for (let n = 1; n <= count; n += 1) await desk.sealed(n);
    return readFileSync(desk.ledgerPath, 'utf8').split('\n').slice(0, -1);
  }
  const problems = async (desk: Desk, lines: readonly string[]) => {
    writeFileSync(desk.ledgerPath, lines.map((line) => `${line}\n`).join(''));
    return (await verifyLedger(desk.recordings, desk.checker)).verdict.problems;
  };

  it('shows lines that were removed, put in, moved and edited', async () => {
    await using desk = new Desk();
    const lines = await ledgerOf(desk, 4);
    const [one = '', two = '', three = '', four = ''] = lines;
    expect(await problems(desk, lines)).toEqual([]);
    expect(await problems(desk, [one, three, four])).toEqual([
      expect.objectContaining({ line: 2, why: 'lines 2 to 2 were removed before it' }),
    ]);
    expect((await problems(desk, [one, three, two, four])).map(({ line }) => line)).toEqual([2, 3, 4]);
    expect((await problems(desk, [one, two, two, three, four]))[0]).toMatchObject({ line: 3 });
    expect(await problems(desk, [one, two.replace('closed', 'interrupted'), three, four])).toEqual([
      expect.objectContaining({ line: 2, why: expect.stringContaining('edited') }),
    ]);
    expect((await problems(desk, [one, '', two, three, four]))[0]).toMatchObject({ line: 2 });
  });

  it('shows a changed bit in any of its bytes', async () => {
    await using desk = new Desk();
    await ledgerOf(desk, 2);
    const whole = readFileSync(desk.ledgerPath);
    for (let at = 0; at < whole.length; at += 1) {
      for (const bit of LONG ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        writeFileSync(desk.ledgerPath, changed);
        const { verdict } = await verifyLedger(desk.recordings, desk.checker);
        expect(verdict.problems.length, `byte ${at}, bit ${bit}`).toBeGreaterThan(0);
      }
    }
  });

  it('names recordings that were removed, put in or exchanged', async () => {
    await using desk = new Desk();
    await using other = new Desk();
    await ledgerOf(desk, 3);
    cpSync(desk.folder(2), join(desk.path, 'two'), { recursive: true });
    rmSync(desk.folder(2), { recursive: true });
    expect((await all(desk)).broken).toMatchObject([
      { session: sessionId(2), problems: [{ why: 'there is no such recording' }] },
    ]);
    cpSync(join(desk.path, 'two'), desk.folder(2), { recursive: true });
    await other.sealed(4);
    cpSync(other.folder(4), desk.folder(4), { recursive: true });
    expect((await all(desk)).broken.map((each) => each.session)).toEqual([sessionId(4)]);
    rmSync(desk.folder(4), { recursive: true });
    const lines = readFileSync(desk.ledgerPath, 'utf8').split('\n');
    writeFileSync(desk.ledgerPath, `${lines.slice(0, 2).join('\n')}\n`);
    expect((await all(desk)).broken).toMatchObject([
      { session: sessionId(3), problems: [{ file: 'ledger.jsonl', why: expect.stringContaining('does not list') }] },
    ]);
  });

  it('goes on after a torn last line, and after lines that cannot be believed', async () => {
    await using desk = new Desk();
    const lines = await ledgerOf(desk, 2);
    await desk.reopen();
    truncateSync(desk.ledgerPath, readFileSync(desk.ledgerPath).length - 5);
    expect((await verifyLedger(desk.recordings, desk.checker)).verdict.problems).toMatchObject([
      { line: 2, why: 'it is torn: by a crash, or cut off' },
    ]);
    await desk.seal(2, null);
    expect(await all(desk)).toMatchObject({ broken: [], ledger: { problems: [], lines: 2 } });
    await desk.reopen();
    writeFileSync(desk.ledgerPath, `${lines[0]}\n{}\n`);
    expect((await desk.deps()).ledger.doubtful).toBe(1);
    await desk.sealed(3);
    expect((await verifyLedger(desk.recordings, desk.checker)).verdict.problems.map(({ line }) => line)).toEqual([2]);
  });

  it('is written by one at a time, whoever asks', async () => {
    await using desk = new Desk();
    const count = 20;
    for (let n = 1; n <= count; n += 1) desk.write(n);
    await desk.deps();
    await Promise.all(Array.from({ length: count }, (_, index) => desk.seal(index + 1, null)));
    expect((await verifyLedger(desk.recordings, desk.checker)).verdict).toMatchObject({ lines: count, problems: [] });
  });
});

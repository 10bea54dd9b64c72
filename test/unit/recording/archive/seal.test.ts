import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealRecording } from '../../../../src/recording/archive/seal.ts';
import { verifyRecording } from '../../../../src/recording/archive/verify.ts';
import { runOk } from '../../../support/peers/processes.ts';
import { Desk, sessionId } from '../../../support/worlds/recordings.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const manifestOf = (desk: Desk, n: number) => JSON.parse(readFileSync(join(desk.folder(n), 'manifest.json'), 'utf8'));
const verify = (desk: Desk, n: number) => verifyRecording(desk.folder(n), sessionId(n), desk.checker);
const aside = (desk: Desk, n: number): string => join(desk.recordings, '.aside', sessionId(n));

describe('sealing', () => {
  it('signs what the worker wrote, so that ssh-keygen believes it', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes, headAtStart } = desk.write(1);
    const sealed = await desk.seal(1, { head, chunks, bytes });
    expect(sealed).toMatchObject({ state: 'closed', head, chunks, bytes, headAtStart, doubts: [] });
    expect(manifestOf(desk, 1)).toMatchObject({
      ...{ state: 'closed', end: '2026-05-01T12:05:00.000Z', chain: { head, chunks, bytes } },
      seal: { at: '2026-05-01T12:05:01.000Z', headAtStart, doubts: [] },
    });
    const allowed = join(desk.path, 'allowed');
    writeFileSync(allowed, `daypass namespaces="daypass-recording" ${desk.publicKey}\n`);
    const [manifest, signature] = ['manifest.json', 'manifest.json.sig'].map((name) => join(desk.folder(1), name));
    const check = (namespace: string) =>
      runOk('sh', [
        '-c',
        `ssh-keygen -Y verify -f ${allowed} -I daypass -n ${namespace} -s ${signature} < ${manifest}`,
      ]);
    expect(await check('daypass-recording')).toContain('Good "daypass-recording" signature');
    await expect(check('file')).rejects.toThrow();
  });

  it('a second time changes nothing, also when another report comes with it', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1);
    const first = await desk.seal(1, { head, chunks, bytes });
    const before = readdirSync(desk.folder(1)).map((name) => readFileSync(join(desk.folder(1), name), 'utf8'));
    expect(await desk.seal(1, null)).toEqual(first);
    expect(readdirSync(desk.folder(1)).map((name) => readFileSync(join(desk.folder(1), name), 'utf8'))).toEqual(before);
    expect(readFileSync(desk.ledgerPath, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('makes the best of a recording whose worker died, wherever it was torn', async () => {
    await using desk = new Desk();
    const { bytes, offsets } = desk.write(1);
    const whole = readFileSync(join(desk.folder(1), 'recording.bin'));
    const live = { state: 'live', end: null, ending: null, chain: null };
    const first = offsets[0] ?? 0;
    const isEdge = (size: number): boolean => [...offsets, bytes].some((edge) => Math.abs(size - edge) <= 1);
    for (let n = 2, size = first; size <= bytes; n += 1, size += 1) {
      if (!LONG && (size - first) % 9 !== 0 && !isEdge(size)) continue;
      desk.write(n, { manifest: live });
      const own = readFileSync(join(desk.folder(n), 'recording.bin'));
      expect(own.length).toBe(whole.length);
      truncateSync(join(desk.folder(n), 'recording.bin'), size);
      const chunks = offsets.filter((_, index) => (offsets[index + 1] ?? bytes) <= size).length;
      expect(await desk.seal(n, null)).toMatchObject({ state: 'interrupted', chunks, doubts: [] });
      expect(statSync(join(desk.folder(n), 'recording.bin')).size).toBe(chunks === 3 ? bytes : offsets[chunks]);
      expect(manifestOf(desk, n)).toMatchObject({ end: '2026-05-01T12:05:01.000Z', ending: { how: 'interrupted' } });
      expect(await verify(desk, n)).toMatchObject({ state: 'interrupted', problems: [] });
    }
  });

  it.each([
    ['another head', { head: '0'.repeat(64) }],
    ['more chunks', { chunks: 4 }],
    ['another length', { bytes: 1 }],
  ])('does not take a recording for whole of which the worker reported %s', async (_what, lie) => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1);
    const sealed = await desk.seal(1, { head, chunks, bytes, ...lie });
    expect(sealed).toMatchObject({ state: 'interrupted', head, chunks, bytes });
    expect(sealed?.doubts).toEqual(['the recording is not the one that the worker reported']);
    expect(await verify(desk, 1)).toMatchObject({ state: 'interrupted', problems: [] });
  });

  it('says so where folder, manifest, key and recording do not belong together', async () => {
    await using desk = new Desk();
    const report = ({ head, chunks, bytes }: ReturnType<Desk['write']>) => ({ head, chunks, bytes });
    const doubts = async (n: number, written: ReturnType<Desk['write']>) =>
      (await desk.seal(n, report(written)))?.doubts;
    expect(await doubts(1, desk.write(1, { manifest: { session: sessionId(9) } }))).toEqual([
      'the manifest belongs to another session',
    ]);
    expect(await doubts(2, desk.write(2, { header: { session: sessionId(9) } }))).toEqual([
      'the recording belongs to another session',
    ]);
    const third = desk.write(3);
    writeFileSync(join(desk.folder(3), 'key.age'), 'another');
    expect(await doubts(3, third)).toEqual(['the wrapped key is a different one']);
    const fourth = desk.write(4);
    rmSync(join(desk.folder(4), 'key.age'));
    expect(await doubts(4, fourth)).toEqual(['there is no wrapped key']);
    const fifth = desk.write(5);
    rmSync(join(desk.folder(5), 'recording.bin'));
    expect(await doubts(5, fifth)).toEqual(['the worker reported a recording, but there is none']);
    const sixth = desk.write(6, { manifest: { format: 'x' } });
    expect(await doubts(6, sixth)).toEqual(['what the worker left is not a manifest']);
    expect(existsSync(join(aside(desk, 6), 'manifest.json'))).toBe(true);
    for (const n of [1, 2, 3, 4, 5, 6])
      expect(await verify(desk, n), String(n)).toMatchObject({ state: 'interrupted' });
  });

  it('takes no manifest for its seal that was signed for another session, and says nothing of what that was', async () => {
    await using desk = new Desk();
    const report = ({ head, chunks, bytes }: ReturnType<Desk['write']>) => ({ head, chunks, bytes });
    await desk.seal(1, report(desk.write(1)));
    const own = report(desk.write(2));
    for (const name of ['manifest.json', 'manifest.json.sig', 'recording.idx'])
      copyFileSync(join(desk.folder(1), name), join(desk.folder(2), name));
    const sealed = await desk.seal(2, own);
    expect(sealed).toMatchObject({ state: 'interrupted', head: own.head });
    expect(sealed?.doubts).toEqual(['the manifest belongs to another session']);
    expect(manifestOf(desk, 2)).toMatchObject({ session: sessionId(2), chain: own });
    expect(manifestOf(desk, 2)).not.toHaveProperty('person');
    expect(await verify(desk, 2)).toMatchObject({ state: 'interrupted', problems: [], head: own.head });
    const lines = readFileSync(desk.ledgerPath, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { head: string }).head)).toEqual([expect.any(String), own.head]);
  });

  it('keeps what no recorder writes out of the sealed folder, follows no link, and throws nothing away', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1);
    const folder = desk.folder(1);
    writeFileSync(join(desk.path, 'outside'), 'secret');
    mkdirSync(join(folder, 'deep'));
    writeFileSync(join(folder, 'deep', 'file'), 'x');
    symlinkSync(join(desk.path, 'outside'), join(folder, 'link'));
    rmSync(join(folder, 'key.age'));
    symlinkSync(join(desk.path, 'outside'), join(folder, 'key.age'));
    writeFileSync(join(folder, 'manifest.json.sig'), 'made up');
    writeFileSync(join(folder, 'recording.idx'), 'made up');
    const sealed = await desk.seal(1, { head, chunks, bytes });
    expect(sealed?.state).toBe('interrupted');
    expect(sealed?.doubts).toContain('the folder held something that no recorder writes');
    expect(readdirSync(aside(desk, 1)).sort()).toEqual([
      'deep',
      'key.age',
      'link',
      'manifest.json.sig',
      'recording.idx',
    ]);
    expect(readFileSync(join(desk.path, 'outside'), 'utf8')).toBe('secret');
    expect(await verify(desk, 1)).toMatchObject({ state: 'interrupted', problems: [] });
  });

  it('keeps what follows a chunk that cannot be one, where no crash leaves so much', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1);
    const more = Buffer.alloc(2 * 1024 * 1024, 0xff);
    appendFileSync(join(desk.folder(1), 'recording.bin'), more);
    const sealed = await desk.seal(1, { head, chunks, bytes });
    expect(sealed).toMatchObject({ state: 'interrupted', bytes });
    expect(readFileSync(join(aside(desk, 1), `recording.bin.after-${bytes}`)).equals(more)).toBe(true);
    desk.write(2);
    writeFileSync(join(desk.folder(2), 'recording.bin'), 'no recording at all');
    expect(await desk.seal(2, null)).toMatchObject({ state: 'interrupted', head: null, chunks: 0 });
    expect(readFileSync(join(aside(desk, 2), 'recording.bin'), 'utf8')).toBe('no recording at all');
    expect(await verify(desk, 2)).toMatchObject({ state: 'interrupted', problems: [] });
  });

  it('loses nothing where signing or the ledger fails, and can be done later', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1);
    const recorded = readFileSync(join(desk.folder(1), 'recording.bin'));
    const deps = await desk.deps();
    const fails = (): never => {
      throw new Error('the disk is full');
    };
    const noSigner = { ...deps, signer: { file: fails, line: fails } };
    await expect(sealRecording(noSigner, desk.folder(1), { head, chunks, bytes })).rejects.toThrow('disk is full');
    expect(readFileSync(join(desk.folder(1), 'recording.bin')).equals(recorded)).toBe(true);
    expect((await verify(desk, 1)).state).toBe('broken');
    const noLedger = { ...deps, ledger: { isSealed: () => false, append: async () => fails() } as never };
    await expect(sealRecording(noLedger, desk.folder(1), { head, chunks, bytes })).rejects.toThrow('disk is full');
    await desk.seal(1, null);
    expect((await verify(desk, 1)).problems).toEqual([]);
    expect(readFileSync(desk.ledgerPath, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('has nothing to do where there is no folder, and refuses what is none', async () => {
    await using desk = new Desk();
    expect(await desk.seal(1, null)).toBeNull();
    symlinkSync(desk.path, desk.folder(2));
    await expect(desk.seal(2, null)).rejects.toThrow('not a folder');
    const deps = await desk.deps();
    await expect(sealRecording(deps, join(desk.recordings, '..'), null)).rejects.toThrow();
  });

  it('leaves the event loop free while a large one is read', async () => {
    await using desk = new Desk();
    const { head, chunks, bytes } = desk.write(1, { chunks: Array(48).fill(Buffer.alloc(1024 * 1024, 7)) });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    const sealed = await desk.seal(1, { head, chunks, bytes });
    clearInterval(timer);
    expect(sealed).toMatchObject({ state: 'closed', chunks: 48 });
    expect(turns).toBeGreaterThanOrEqual(chunks);
  });
});

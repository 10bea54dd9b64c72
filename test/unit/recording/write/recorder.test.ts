import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeTornRecording } from '../../../../src/recording/archive/torn.ts';
import type { Gap } from '../../../../src/recording/file-log/observe.ts';
import { FRAME } from '../../../../src/recording/format/format.ts';
import { Manifest } from '../../../../src/recording/format/manifest.ts';
import { newIdentity } from '../../../../src/recording/format/wrapped-key.ts';
import { exportRecording } from '../../../../src/recording/read/export.ts';
import { openKey, type ReadEnd, RecordingReader } from '../../../../src/recording/read/read.ts';
import { BUDGET_BYTES, TAIL_BYTES } from '../../../../src/recording/thread/kept-stream.ts';
import { reader } from '../../../support/worlds/reader.ts';
import {
  bytesOf,
  CLOSING,
  command,
  linesOf,
  type RecorderWorld,
  readable,
  readBack,
  recorderWorld,
  terminal,
} from '../../../support/worlds/recorded.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

let world: RecorderWorld;
beforeAll(async () => {
  world = await recorderWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const begin: RecorderWorld['begin'] = (failed) => world.begin(failed);

/** Text with characters of one to four bytes, controls among them; and bytes that are no UTF-8; cut anywhere. */
const bytes = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }).map((each) => Buffer.from(each, 'utf8')),
  fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each)),
);
const pieces = fc.tuple(bytes, fc.nat(100)).map(([whole, cut]): Step[] => {
  const at = cut % (whole.length + 1);
  return [whole.subarray(0, at), whole.subarray(at)].map((each) => ({ kind: 'output', bytes: each }));
});
const resize = fc
  .record({ columns: fc.nat(500), rows: fc.nat(500) })
  .map((size): Step[] => [{ kind: 'resize', ...size }]);
const steps = fc.array(fc.oneof(pieces, resize), { maxLength: 8 }).map((each) => each.flat());

type Step =
  | { readonly kind: 'output'; readonly bytes: Buffer }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number };

function expectReplay(out: string, number: number, taken: readonly Step[]): void {
  const delivered = Buffer.concat(taken.flatMap((step) => (step.kind === 'output' ? [step.bytes] : [])));
  const raw = join(out, `channel-${number}.stdout`);
  expect(existsSync(raw) ? readFileSync(raw) : Buffer.alloc(0)).toEqual(delivered);
  const cast = join(out, `channel-${number}.cast`);
  const lines = existsSync(cast) ? readFileSync(cast, 'utf8').split('\n').slice(1, -1) : [];
  const events = lines.map((line) => JSON.parse(line) as [number, string, string]);
  const said = (code: string): string[] => events.flatMap(([, each, data]) => (each === code ? [data] : []));
  expect(said('o').join('')).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(delivered));
  expect(said('r')).toEqual(taken.flatMap((step) => (step.kind === 'resize' ? [`${step.columns}x${step.rows}`] : [])));
  const times = events.map(([seconds]) => seconds);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
}

async function readWith(path: string, key: Buffer): Promise<ReadEnd> {
  await using recording = await RecordingReader.open(path, key);
  const frames = recording.frames();
  for (;;) {
    const { done, value } = await frames.next();
    if (done) return value;
  }
}

describe('a recording', () => {
  it('holds what a terminal showed, raw and in order, and nothing that was typed, not even its digest', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(terminal(0));
    const shown = randomBytes(100_000);
    channel.input(Buffer.from('my-password'));
    for (let at = 0; at < shown.length; at += 7_777) channel.output('stdout', shown.subarray(at, at + 7_777));
    channel.resize({ columns: 100, rows: 40, width: 700, height: 0xffff });
    channel.note({ what: 'signal', name: 'INT' });
    channel.output('stderr', Buffer.from('aside'));
    const record = await channel.finish({ kind: 'status', code: 0 });
    const end = await recording.close(CLOSING);
    const read = await readBack(path);
    expect(bytesOf(read, 0, FRAME.stdout).equals(shown)).toBe(true);
    expect(bytesOf(read, 0, FRAME.stderr).toString()).toBe('aside');
    expect(bytesOf(read, 0, FRAME.resize).toString('hex')).toBe('0000006400000028000002bc0000ffff');
    expect(linesOf(read, FRAME.journal)).toContainEqual({ what: 'signal', name: 'INT' });
    const out = `${path}-out`;
    await exportRecording(path, await openKey(path, [reader.identity]), { out, format: 'journal', channel: 0 });
    const lines = readFileSync(join(out, 'journal.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { what: 'channel', terminal: { columns: 80, rows: 24, width: 0, height: 0, modes: '' } },
      { what: 'resize', channel: 0, columns: 100, rows: 40, width: 700, height: 65_535 },
      { what: 'signal', channel: 0, name: 'INT' },
      { what: 'end' },
    ]);
    expect(bytesOf(read, 0, FRAME.input)).toHaveLength(0);
    expect(record).toMatchObject({
      ...{ coverage: 'full', label: 'terminal', bytesToClient: 100_005, bytesFromClient: 11 },
      ...{ stdoutSha256: sha256(shown), stderrSha256: sha256('aside'), stdinSha256: sha256('') },
    });
    expect(read.end).toEqual({ ...end, torn: false });
    expect(end.bytes).toBe(statSync(join(path, 'recording.bin')).size);
    expect(linesOf(read, FRAME.journal).map(({ what }) => what)).toEqual([
      'session',
      'channel',
      'signal',
      'end',
      'over',
    ]);
  });

  it('of a command holds both directions', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(command(3, 'sort'));
    channel.input(Buffer.from('b\na\n'));
    channel.output('stdout', Buffer.from('a\nb\n'));
    expect(await channel.finish()).toMatchObject({ coverage: 'full', label: 'command' });
    await recording.close(CLOSING);
    const read = await readBack(path);
    expect(bytesOf(read, 3, FRAME.input).toString()).toBe('b\na\n');
    expect(bytesOf(read, 3, FRAME.stdout).toString()).toBe('a\nb\n');
  });

  it('of a command holds what is binary too, in every stream and whatever its program is called', async () => {
    const { path, recording } = await begin();
    const lines = ['tar c', '/tmp/mine/scp -f x', 'rsync --server --sender -e.L . /srv', 'git-upload-pack x', 'sftp'];
    const channels = await Promise.all(lines.map((line, number) => recording.channel(command(number, line))));
    for (const channel of channels) {
      channel.output('stdout', Buffer.from('text'));
      channel.output('stdout', Buffer.from('data\0data'));
      channel.output('stderr', Buffer.from('data\0data'));
      channel.input(Buffer.from('\0id\n'));
      channel.output('stdout', Buffer.from('still'));
      expect(await channel.finish()).toMatchObject({
        ...{ coverage: 'full', label: 'command', files: null },
        ...{ stdoutSha256: sha256('textdata\0datastill'), stdinSha256: sha256('\0id\n') },
      });
    }
    await recording.close(CLOSING);
    const read = await readBack(path);
    for (const channel of lines.keys()) {
      expect(bytesOf(read, channel, FRAME.stdout).toString()).toBe('textdata\0datastill');
      expect(bytesOf(read, channel, FRAME.stderr).toString()).toBe('data\0data');
      expect(bytesOf(read, channel, FRAME.input).toString()).toBe('\0id\n');
    }
  });

  it('of a subsystem that is no SFTP holds all, whatever its name', async () => {
    const { path, recording } = await begin();
    for (const [number, name] of ['netconf', 'sftp'].entries()) {
      const channel = await recording.channel({ ...command(number, name), kind: 'subsystem' });
      channel.output('stdout', Buffer.from('to-client'));
      channel.input(Buffer.from('from-client'));
      expect(await channel.finish()).toMatchObject({ coverage: 'full', label: 'subsystem', files: null });
    }
    await recording.close(CLOSING);
    const read = await readBack(path);
    for (const channel of [0, 1]) expect(bytesOf(read, channel, FRAME.input).toString()).toBe('from-client');
  });

  it('has the start of a channel before its recorder is there', async () => {
    const { path, recording } = await begin();
    await recording.channel(command(4, 'whoami'));
    const begun = linesOf(await readBack(path), FRAME.journal);
    expect(begun).toContainEqual(expect.objectContaining({ what: 'channel', command: 'whoami' }));
    await recording.close(CLOSING);
  });

  it('where nothing may be left out keeps all, and tells once that it is more than that', async () => {
    const { path, recording } = await begin();
    let told = 0;
    const start = { ...command(0, 'cat big'), mayLeaveOut: false };
    const channel = await recording.channel(start, () => {
      told += 1;
    });
    const big = randomBytes(BUDGET_BYTES + 4 * TAIL_BYTES);
    for (let at = 0; at < big.length; at += 100_000) {
      if (channel.isFull) await channel.room();
      channel.output('stdout', big.subarray(at, at + 100_000));
    }
    expect(await channel.finish()).toMatchObject({ coverage: 'full', bytesToClient: big.length });
    expect(told).toBe(1);
    await recording.close(CLOSING);
    expect(bytesOf(await readBack(path), 0, FRAME.stdout).equals(big)).toBe(true);
  });

  it('with a gap is exported around it, and a cast says where that is', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(command(0, 'cat big'));
    const big = randomBytes(BUDGET_BYTES + 8 * TAIL_BYTES);
    for (let at = 0; at < big.length; at += 100_000) {
      if (channel.isFull) await channel.room();
      channel.output('stdout', big.subarray(at, at + 100_000));
    }
    channel.output('stdout', Buffer.from('after\n'));
    expect(await channel.finish()).toMatchObject({ coverage: 'metadata', label: 'command' });
    await recording.close(CLOSING);
    const out = `${path}-out`;
    const key = await openKey(path, [reader.identity]);
    for (const format of ['cast', 'raw', 'journal'] as const) {
      expect((await exportRecording(path, key, { out, format, channel: null })).broken).toBeNull();
    }
    const journal = readFileSync(join(out, 'journal.jsonl'), 'utf8').trim().split('\n');
    const gap = journal.map((line) => JSON.parse(line)).find(({ what }) => what === 'gap') as Gap;
    expect(sha256(big.subarray(gap.offset, gap.offset + gap.bytes))).toBe(gap.sha256);
    const raw = readFileSync(join(out, 'channel-0.stdout'));
    const kept = [big.subarray(0, gap.offset), big.subarray(gap.offset + gap.bytes), Buffer.from('after\n')];
    expect(raw.equals(Buffer.concat(kept))).toBe(true);
    const events = readFileSync(join(out, 'channel-0.cast'), 'utf8').trim().split('\n').slice(1);
    const marks = events.map((line) => JSON.parse(line) as [number, string, string]).filter(([, code]) => code === 'm');
    expect(marks.map(([, , words]) => words)).toEqual([`${gap.bytes} bytes of stdout are left out here`]);
  });

  it('of a tunnel holds counts and digests only', async () => {
    const { path, recording } = await begin();
    const start = { ...command(0, ''), command: null, destination: { host: 'db', port: 5432 } };
    const tunnel = await recording.channel({ ...start, kind: 'tunnel' });
    tunnel.output('stdout', Buffer.from('to-client'));
    tunnel.input(Buffer.from('from-client'));
    expect(await tunnel.finish()).toMatchObject({
      ...{ coverage: 'opaque', label: 'tunnel', bytesToClient: 9, stdinSha256: sha256('from-client') },
    });
    await recording.close(CLOSING);
    const read = await readBack(path);
    expect(read.frames.filter(({ type }) => type !== FRAME.journal)).toEqual([]);
    expect(linesOf(read, FRAME.journal)).toContainEqual(
      expect.objectContaining({ what: 'channel', destination: { host: 'db', port: 5432 } }),
    );
  });

  it('shows nothing without the identity: no word of it is in the clear, and another identity opens nothing', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(command(0, 'echo command-canary'));
    channel.output('stdout', Buffer.from('output-canary'));
    await channel.finish();
    recording.journal({ what: 'refused', sentence: 'refusal-canary' });
    await recording.close(CLOSING);
    expect(readdirSync(path).sort()).toEqual(['key.age', 'manifest.json', 'recording.bin']);
    for (const file of readdirSync(path)) {
      expect(readFileSync(join(path, file), 'latin1')).not.toMatch(/canary|192\.0\.2\.7/);
      expect(statSync(join(path, file)).mode & 0o777).toBe(0o600);
    }
    const other = await newIdentity();
    await expect(readBack(path, [other.identity])).rejects.toMatchObject({ code: 'recording_unreadable' });
    expect(linesOf(await readBack(path), FRAME.journal)[0]).toMatchObject({ what: 'session', client: '192.0.2.7' });
  });

  it('says in its manifest where its chain ends and which key it has', async () => {
    const { path, recording } = await begin();
    const live = Manifest.parse(JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')));
    expect(live).toMatchObject({ state: 'live', chain: null, end: null });
    const end = await recording.close(CLOSING);
    const closed = Manifest.parse(JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')));
    expect(closed).toMatchObject({
      state: 'closed',
      chain: end,
      keySha256: sha256(readFileSync(join(path, 'key.age'))),
    });
    expect(recording.head).toMatch(/^[0-9a-f]{64}$/);
    expect(recording.head).not.toBe(end.head);
  });

  it('any flipped byte is found', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(terminal(0));
    channel.output('stdout', Buffer.from('what was shown'));
    await channel.finish();
    const { head } = await recording.close(CLOSING);
    const file = join(path, 'recording.bin');
    const whole = readFileSync(file);
    const key = await openKey(path, [reader.identity]);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(file, changed);
      const found = await readWith(path, key).then(
        (end) => end.head !== head || end.torn,
        () => true,
      );
      expect(found, `byte ${at}`).toBe(true);
    }
  });

  it('that was torn anywhere reads up to the tear, and is cut there', async () => {
    const { path, recording } = await begin();
    const channel = await recording.channel(terminal(0));
    channel.output('stdout', Buffer.from('first'));
    recording.journal({ what: 'between' });
    channel.output('stdout', Buffer.from('second'));
    recording.journal({ what: 'after' });
    await readable(path, 'second');
    const file = join(path, 'recording.bin');
    const whole = readFileSync(file);
    const all = await readBack(path);
    for (let length = whole.length - 1; length > whole.length - 200; length -= 1) {
      writeFileSync(file, whole.subarray(0, length));
      const { frames, end } = await readBack(path);
      expect(all.frames.slice(0, frames.length)).toEqual(frames);
      expect(end.bytes).toBeLessThanOrEqual(length);
    }
    const at = new Date('2026-05-01T12:00:00Z');
    const cut = await closeTornRecording(path, at);
    const { torn, ...end } = (await readBack(path)).end;
    expect(torn).toBe(false);
    expect(cut).toEqual(end);
    expect(JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8'))).toMatchObject({
      ...{ state: 'interrupted', chain: cut, end: at.toISOString(), ending: { how: 'interrupted' } },
    });
    expect(await closeTornRecording(path, new Date())).toBeNull();
    writeFileSync(file, whole);
    await recording.close(CLOSING);
  });

  it('tells channels apart whose slot in the frames is the same, however many there were before', async () => {
    const { path, recording } = await begin();
    const numbers = [3, 65_538, 131_073];
    for (const number of numbers) {
      const channel = await recording.channel(terminal(number));
      channel.output('stdout', Buffer.from(`this is ${number}`));
      await channel.finish();
    }
    await recording.close(CLOSING);
    const out = `${path}-out`;
    const key = await openKey(path, [reader.identity]);
    for (const format of ['cast', 'raw', 'journal'] as const) {
      expect((await exportRecording(path, key, { out, format, channel: null })).broken).toBeNull();
    }
    for (const number of numbers)
      expectReplay(out, number, [{ kind: 'output', bytes: Buffer.from(`this is ${number}`) }]);
    const journal = readFileSync(join(out, 'journal.jsonl'), 'utf8').trim().split('\n');
    const facts = journal.map((line) => JSON.parse(line) as { what: string; channel: number });
    for (const what of ['channel', 'end'])
      expect(facts.filter((fact) => fact.what === what).map(({ channel }) => channel)).toEqual(numbers);
  });

  it('replays to what was delivered, with split characters, invalid bytes and resizes', async () => {
    const cases = fc.sample(steps, { numRuns: LONG ? 10_000 : 500, seed: 20_260_501 });
    const { path, recording } = await begin();
    const channels = await Promise.all(cases.map((_, number) => recording.channel(terminal(number))));
    for (const [number, taken] of cases.entries()) {
      const channel = channels[number];
      if (!channel) throw new Error('no channel');
      for (const step of taken) {
        if (recording.isFull) await recording.room();
        if (step.kind === 'resize') channel.resize({ ...step, width: 0, height: 0 });
        else channel.output('stdout', step.bytes);
      }
      const delivered = Buffer.concat(taken.flatMap((step) => (step.kind === 'output' ? [step.bytes] : [])));
      expect(await channel.finish()).toMatchObject({ stdoutSha256: sha256(delivered) });
    }
    await recording.close(CLOSING);
    const out = `${path}-out`;
    const key = await openKey(path, [reader.identity]);
    for (const format of ['cast', 'raw'] as const) {
      expect((await exportRecording(path, key, { out, format, channel: null })).broken).toBeNull();
    }
    for (const [number, taken] of cases.entries()) expectReplay(out, number, taken);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gap } from '../../../../src/recording/file-log/observe.ts';
import { exportRecording } from '../../../../src/recording/read/export.ts';
import { openKey } from '../../../../src/recording/read/read.ts';
import { BUDGET_BYTES, TAIL_BYTES } from '../../../../src/recording/thread/kept-stream.ts';
import { reader } from '../../../support/worlds/reader.ts';
import { CLOSING, command, type RecorderWorld, recorderWorld, terminal } from '../../../support/worlds/recorded.ts';

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

describe('a recording', () => {
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

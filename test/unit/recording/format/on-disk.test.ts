import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeTornRecording } from '../../../../src/recording/archive/torn.ts';
import { FRAME } from '../../../../src/recording/format/format.ts';
import { Manifest } from '../../../../src/recording/format/manifest.ts';
import { newIdentity } from '../../../../src/recording/format/wrapped-key.ts';
import { openKey, type ReadEnd, RecordingReader } from '../../../../src/recording/read/read.ts';
import { reader } from '../../../support/worlds/reader.ts';
import {
  CLOSING,
  command,
  linesOf,
  type RecorderWorld,
  readable,
  readBack,
  recorderWorld,
  terminal,
} from '../../../support/worlds/recorded.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

let world: RecorderWorld;
beforeAll(async () => {
  world = await recorderWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const begin: RecorderWorld['begin'] = (failed) => world.begin(failed);

async function readWith(path: string, key: Buffer): Promise<ReadEnd> {
  await using recording = await RecordingReader.open(path, key);
  const frames = recording.frames();
  for (;;) {
    const { done, value } = await frames.next();
    if (done) return value;
  }
}

describe('a recording', () => {
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
});

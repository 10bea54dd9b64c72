import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRAME } from '../../../../src/recording/format/format.ts';
import { BACKLOG_MAX, Recorder, startThread } from '../../../../src/recording/write/recorder.ts';
import { SessionRecording } from '../../../../src/recording/write/session-recording.ts';
import { reader } from '../../../support/worlds/reader.ts';
import {
  bytesOf,
  CLOSING,
  openingOf,
  type RecorderWorld,
  readable,
  readBack,
  recorderWorld,
  terminal,
} from '../../../support/worlds/recorded.ts';

let world: RecorderWorld;
beforeAll(async () => {
  world = await recorderWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe('what is recorded', () => {
  it('is on the disk within a second, however little it is', async () => {
    const { path, recording } = await world.begin();
    (await recording.channel(terminal(0))).output('stdout', Buffer.from('x'));
    const since = performance.now();
    await readable(path, 'x');
    expect(performance.now() - since).toBeLessThan(1_000);
    await recording.close(CLOSING);
  });

  it('is not accepted beyond the backlog, and again when it was written', async () => {
    const { path, recording } = await world.begin();
    const channel = await recording.channel(terminal(0));
    const piece = randomBytes(32_768);
    let accepted = 0;
    while (!channel.isFull) {
      channel.output('stdout', piece);
      accepted += piece.length;
    }
    expect(accepted).toBeLessThan(BACKLOG_MAX + piece.length);
    await channel.room();
    expect(channel.isFull).toBe(false);
    await channel.finish();
    await recording.close(CLOSING);
    expect(bytesOf(await readBack(path), 0, FRAME.stdout)).toHaveLength(accepted);
  });

  it('of many sessions at once does not mix', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => world.begin()));
    const channels = await Promise.all(all.map(({ recording }) => recording.channel(terminal(0))));
    for (let round = 0; round < 200; round += 1) {
      for (const [n, channel] of channels.entries())
        channel.output('stdout', Buffer.from(`session ${n} round ${round}\n`));
    }
    for (const [n, { path, recording }] of all.entries()) {
      await channels[n]?.finish();
      await recording.close(CLOSING);
      const lines = Array.from({ length: 200 }, (_, round) => `session ${n} round ${round}\n`);
      expect(bytesOf(await readBack(path), 0, FRAME.stdout).toString()).toBe(lines.join(''));
    }
  });
});

describe('a recorder', () => {
  it('lets nothing begin where something lies already', async () => {
    const { path, recording } = await world.begin();
    await expect(SessionRecording.begin(world.recorder, path, openingOf(), () => {})).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await recording.close(CLOSING);
  });

  it('whose thread dies ends what it records at once, accepts nothing more, and starts another', async () => {
    const threads: Worker[] = [];
    await using mortal = await Recorder.start([reader.recipient], async (recipients) => {
      const thread = await startThread(recipients);
      threads.push(thread);
      return thread;
    });
    const failures: Error[] = [];
    const fail = (error: Error): void => void failures.push(error);
    const path = (n: number): string => join(world.folder.path, `mortal-${n}`);
    const recording = await SessionRecording.begin(mortal, path(0), openingOf(), fail);
    const channel = await recording.channel(terminal(0));
    channel.output('stdout', Buffer.from('until here'));
    await readable(path(0), 'until here');
    const finishing = channel.finish();
    await threads[0]?.terminate();
    await finishing.catch(() => {});
    expect(failures).toMatchObject([{ code: 'recorder_gone' }]);
    expect(channel.isFull).toBe(true);
    expect(() => channel.output('stdout', Buffer.from('x'))).toThrow();
    expect(() => channel.resize({ columns: 1, rows: 1, width: 1, height: 1 })).toThrow();
    expect(() => channel.note({ what: 'signal', name: 'INT' })).toThrow();
    await expect(channel.room()).rejects.toThrow();
    await expect(channel.finish()).rejects.toThrow();
    await expect(recording.close(CLOSING)).rejects.toThrow();
    expect(bytesOf(await readBack(path(0)), 0, FRAME.stdout).toString()).toBe('until here');
    while (threads.length < 2) await pause(20);
    await pause(0);
    const next = await SessionRecording.begin(mortal, path(1), openingOf(), fail);
    await next.close(CLOSING);
    expect(failures).toHaveLength(1);
  });

  it('does not start for nobody, or for a recipient that is none', async () => {
    await expect(Recorder.start([])).rejects.toThrow();
    await expect(Recorder.start(['age1nobody'])).rejects.toThrow();
    expect(existsSync(join(world.folder.path, 'nothing'))).toBe(false);
  });
});

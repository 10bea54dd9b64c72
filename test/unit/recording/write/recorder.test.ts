import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRAME } from '../../../../src/recording/format/format.ts';
import { exportRecording } from '../../../../src/recording/read/export.ts';
import { openKey } from '../../../../src/recording/read/read.ts';
import { BUDGET_BYTES, TAIL_BYTES } from '../../../../src/recording/thread/kept-stream.ts';
import { reader } from '../../../support/worlds/reader.ts';
import {
  bytesOf,
  CLOSING,
  command,
  linesOf,
  type RecorderWorld,
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
});

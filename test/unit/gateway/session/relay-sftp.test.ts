import { describe, expect, it } from 'vitest';
import { string } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { INIT, packet, startsIn, text, uint32, VERSION } from '../../../support/peers/sftp-talk.ts';
import { scope } from '../../../support/samples/samples.ts';
import { RelayWorld } from '../../../support/worlds/relay-world.ts';

const OPEN_TO_READ = packet(3, uint32(1), text('/srv/a'), uint32(1), uint32(0));
const REMOVE = packet(13, uint32(2), text('/srv/a'));
const HANDLE = packet(102, uint32(1), text('h'));
const shown = (bytes: Buffer): string => bytes.toString('utf8');
const said = (bytes: Buffer): Uint8Array => saying.data(0, bytes);

/** A guarded channel in which client and target have greeted each other. */
async function greeted(held = scope('files-ro'), targetWindow = 100_000): Promise<RelayWorld> {
  const world = new RelayWorld({ scope: held, targetWindow });
  await world.asks('subsystem', string('sftp'));
  await world.recorderComes();
  await world.targetComes();
  await world.says(world.target, saying.success(0));
  await world.says(world.client, said(INIT));
  await world.says(world.target, said(VERSION));
  world.outcome();
  return world;
}

const parting = (sentence: RegExp): unknown[] => [
  expect.stringMatching(new RegExp(`^recorder stderr daypass: ${sentence.source}\n$`)),
  expect.stringMatching(new RegExp(`^client EXTENDED 7 1 daypass: ${sentence.source}\n$`)),
  ...['client REQUEST 7 exit-status', 'client EOF 7', 'client CLOSE 7', 'target CLOSE 5'],
];

describe('a guarded SFTP channel', () => {
  it('passes on what the scope allows, and the answers', async () => {
    const world = await greeted();
    await world.says(world.client, said(OPEN_TO_READ));
    expect(world.outcome()).toEqual([`recorder input ${shown(OPEN_TO_READ)}`, `target DATA 5 ${shown(OPEN_TO_READ)}`]);
    await world.says(world.target, said(HANDLE));
    expect(world.outcome()).toEqual([`recorder stdout ${shown(HANDLE)}`, `client DATA 7 ${shown(HANDLE)}`]);
  });

  it('answers what it refuses itself: the recorder has it, and the target never hears of it', async () => {
    const world = await greeted();
    await world.says(world.client, said(REMOVE));
    const lines = world.outcome();
    expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      ...['recorder input', 'recorder stdout', 'client DATA'],
    ]);
    expect(lines[2]).toContain('Daypass refused this');
    expect(world.refused).toEqual([expect.stringMatching(/^sftp: remove \/srv\/a was refused/)]);
  });

  it('gives that answer after those that the target owes', async () => {
    const world = await greeted();
    await world.says(world.client, said(OPEN_TO_READ), said(REMOVE));
    expect(world.outcome().filter((line) => line.startsWith('client '))).toEqual([]);
    await world.says(world.target, said(HANDLE));
    const [line = ''] = world.outcome().filter((each) => each.startsWith('client '));
    expect(line.startsWith(`client DATA 7 ${shown(HANDLE)}`)).toBe(true);
    expect(line).toContain('Daypass refused this');
  });

  it('holds back a request until it is whole', async () => {
    const world = await greeted();
    await world.says(world.client, said(OPEN_TO_READ.subarray(0, 9)));
    const wire = (): string[] => world.outcome().filter((line) => line.startsWith('target '));
    expect(wire()).toEqual([]);
    await world.says(world.client, said(OPEN_TO_READ.subarray(9)));
    expect(wire()).toEqual([`target DATA 5 ${shown(OPEN_TO_READ)}`]);
  });

  it('brings no more of it than the target’s window lets through, what was held back among it', async () => {
    const world = await greeted(scope('files-ro'), INIT.length + OPEN_TO_READ.length - 1);
    await world.says(world.client, said(OPEN_TO_READ.subarray(0, 9)));
    await world.says(world.client, said(OPEN_TO_READ.subarray(9)));
    const wire = (): string[] => world.outcome().filter((line) => line.startsWith('target '));
    expect(wire()).toEqual([]);
    await world.says(world.target, saying.adjust(0, 1));
    expect(wire()).toEqual([`target DATA 5 ${shown(OPEN_TO_READ)}`]);
  });

  it.each([
    ['the client', 'client', /The client sent something that is not SFTP.*/],
    ['the target', 'target', /The target sent something that is not SFTP.*/],
  ] as const)('ends with a sentence where %s sends something else', async (_name, who, sentence) => {
    const world = await greeted();
    await world.says(world[who], said(Buffer.from('Last login: today\n')));
    expect(world.outcome().slice(-6)).toEqual(parting(sentence));
    // Whatever comes now goes nowhere.
    await world.says(world.client, said(OPEN_TO_READ));
    await world.says(world.target, said(HANDLE), saying.eof(0));
    expect(world.outcome()).toEqual([]);
    await world.says(world.target, saying.close(0));
    await world.says(world.client, saying.close(0));
    expect(world.outcome()).toEqual(['recorder finish null', 'over null']);
  });

  it('takes no request before the target has said where relative paths start', async () => {
    const world = await greeted({ ...scope('files-ro'), files: { rights: 'read', paths: ['/srv/**'] } });
    await world.says(world.client, said(OPEN_TO_READ));
    expect(world.outcome()).toEqual([]);
    await world.says(world.target, said(startsIn('/home')));
    expect(world.outcome()).toEqual([`recorder input ${shown(OPEN_TO_READ)}`, `target DATA 5 ${shown(OPEN_TO_READ)}`]);
  });

  it('passes on what the target says beside it', async () => {
    const world = await greeted();
    await world.says(world.target, saying.extended(0, 'aside'));
    expect(world.outcome()).toEqual(['recorder stderr aside', 'client EXTENDED 7 1 aside']);
  });

  it('ends its input behind a request that is no whole one, which is dropped', async () => {
    const world = await greeted();
    await world.says(world.client, said(OPEN_TO_READ.subarray(0, 9)), saying.eof(0));
    expect(world.outcome().filter((line) => line.startsWith('target '))).toEqual(['target EOF 5']);
  });

  it.each(['client', 'target'] as const)('passes nothing that its recorder does not take, of the %s', async (who) => {
    const world = await greeted();
    await world.says(world.client, said(OPEN_TO_READ));
    world.outcome();
    world.recorder.isFull = true;
    const payload = who === 'client' ? packet(4, uint32(3), text('h')) : HANDLE;
    await world.says(world[who], said(payload));
    expect(world.outcome()).toEqual([]);
    world.recorder.makeRoom();
    await world.settle();
    expect(world.outcome()).toHaveLength(2);
  });
});

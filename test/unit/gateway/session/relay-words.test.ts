import { describe, expect, it } from 'vitest';
import { encode, string, uint32 } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { scope } from '../../../support/samples/samples.ts';
import { RelayWorld } from '../../../support/worlds/relay-world.ts';

const TERMINAL = encode(string('xterm'), ...[80, 24, 0, 0].map(uint32), string(''));
const LAST = ['client REQUEST 7 exit-status', 'client EOF 7', 'client CLOSE 7'];

describe('what is refused in a relayed channel', () => {
  it.each<readonly [string, 'exec' | 'shell' | 'subsystem', Uint8Array, RegExp]>([
    ['a command', 'exec', string('id'), /^scope files-ro does not allow this command/],
    ['a shell', 'shell', encode(), /^scope files-ro does not allow a shell/],
    ['another subsystem', 'subsystem', string('netconf'), /^scope files-ro does not allow the subsystem netconf/],
  ])('by its scope, %s, is asked of no recorder and no target', async (_what, name, data, sentence) => {
    const world = new RelayWorld({ scope: scope('files-ro') });
    await world.asks(name, data);
    const [accepted, told, ...last] = world.outcome();
    expect([accepted, ...last]).toEqual(['client SUCCESS 7', ...LAST]);
    expect(told).toMatch(new RegExp(`^client EXTENDED 7 1 daypass: ${sentence.source.slice(1)}`));
    expect(world.refused).toEqual([expect.stringMatching(/was refused|does not allow/)]);
    await world.says(world.client, saying.close(0));
    expect(world.outcome()).toEqual(['over']);
  });

  it('is a file transfer on a terminal, which changes bytes', async () => {
    const world = new RelayWorld();
    await world.asks('pty-req', TERMINAL);
    world.outcome();
    await world.asks('subsystem', string('sftp'));
    const lines = world.outcome();
    expect(lines.join('\n')).toContain('files cannot be transferred on a terminal. Leave out -t.');
    expect(lines.filter((line) => line.startsWith('target ') || line.startsWith('recorder '))).toEqual([]);
    expect(world.refused).toEqual(['a file transfer on a terminal was refused']);
  });
});

describe('what Daypass says in a relayed channel', () => {
  const notice = ['recorder stderr daypass: soon over\n', 'client EXTENDED 7 1 daypass: soon over\n'];

  it('is recorded, and waits for the start', async () => {
    const world = new RelayWorld();
    world.relay.notice('soon over');
    await world.settle();
    expect(world.outcome()).toEqual([]);
    await world.asks();
    await world.targetComes();
    expect(world.outcome().filter((line) => line.includes('daypass'))).toEqual([]);
    await world.recorderComes();
    expect(world.outcome().filter((line) => line.includes('daypass'))).toEqual(notice);
  });

  it('waits for its recorder to take it', async () => {
    const world = await RelayWorld.running();
    world.recorder.isFull = true;
    world.relay.notice('soon over');
    await world.settle();
    expect(world.outcome()).toEqual([]);
    world.recorder.makeRoom();
    await world.settle();
    expect(world.outcome()).toEqual(notice);
  });

  it.each([
    ['a notice', (world: RelayWorld) => world.relay.notice('soon over'), []],
    ['the last sentence', (world: RelayWorld) => world.relay.fail('soon over'), [...LAST, 'target CLOSE 5']],
  ] as const)('waits until the client has room for all of it: %s', async (_what, say, more) => {
    const world = await RelayWorld.running({ window: 10 });
    say(world);
    await world.settle();
    expect(world.outcome()).toEqual([]);
    await world.says(world.client, saying.adjust(0, 100));
    expect(world.outcome()).toEqual([...notice, ...more]);
  });

  it('comes last behind the output that has come, and only where it is not to be dropped', async () => {
    for (const isDropped of [false, true]) {
      const world = await RelayWorld.running({ window: 0 });
      await world.says(world.target, saying.data(0, 'output'));
      if (isDropped) world.relay.abandon('soon over');
      else world.relay.fail('soon over');
      await world.says(world.target, saying.data(0, 'more'));
      await world.says(world.client, saying.adjust(0, 100));
      const output = ['output', 'more'].flatMap((each) => [`recorder stdout ${each}`, `client DATA 7 ${each}`]);
      expect(world.outcome()).toEqual([...(isDropped ? [] : output), ...notice, ...LAST, 'target CLOSE 5']);
    }
  });

  it('is said once, however often it is ended', async () => {
    const world = await RelayWorld.running({ window: 0 });
    for (const sentence of ['soon over', 'again']) world.relay.fail(sentence);
    world.relay.abandon('and again');
    await world.says(world.client, saying.adjust(0, 100));
    expect(world.outcome()).toEqual([...notice, ...LAST, 'target CLOSE 5']);
  });

  it('tells who gets no terminal', async () => {
    const world = new RelayWorld();
    await world.asks('pty-req', TERMINAL);
    await world.asks();
    await world.recorderComes();
    await world.targetComes();
    world.outcome();
    await world.says(world.target, saying.failure(0), saying.success(0));
    expect(world.outcome().join('\n')).toContain('the target gave you no terminal');
  });
});

describe('a side that says the same without end', () => {
  it.each<readonly ['client' | 'target', string]>([
    ['client', 'target REQUEST 5 eow@openssh.com'],
    ['target', 'client REQUEST 7 eow@openssh.com'],
  ])('is passed on once: that the %s reads no more', async (who, line) => {
    const world = await RelayWorld.running();
    await world.says(world[who], ...Array<Uint8Array>(3).fill(saying.tell(0, 'eow@openssh.com')));
    expect(world.outcome()).toEqual([line]);
  });

  it('closes it once', async () => {
    const world = await RelayWorld.running();
    await world.says(world.client, saying.close(0), saying.close(0));
    expect(world.outcome()).toEqual(['target CLOSE 5']);
  });
});

it('a channel whose recorder never comes is closed, and passes nothing', async () => {
  const world = new RelayWorld();
  await world.asks();
  await world.targetComes();
  await world.says(world.client, saying.data(0, 'typed'));
  world.outcome();
  await world.recorderFails();
  expect(world.outcome()).toEqual(['client CLOSE 7', 'failed: the recording has failed']);
});

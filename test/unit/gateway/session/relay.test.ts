import { describe, expect, it } from 'vitest';
import { encode, string, uint32 } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { RelayWorld } from '../../../support/worlds/relay-world.ts';

const TERMINAL = encode(string('xterm'), ...[80, 24, 0, 0].map(uint32), string(''));
const SIZE = encode(...[100, 40, 0, 0].map(uint32));
const EOF = saying.eof(0);
const said = (text: string): Uint8Array => saying.data(0, text);

/** Of what happened, what one of them got. */
const got = (world: RelayWorld, who: 'client' | 'target' | 'recorder'): string[] =>
  world.outcome().filter((line) => line.startsWith(who));

describe('a channel that is relayed', () => {
  it.each([
    ['exec', string('touch /tmp/x')],
    ['shell', encode()],
    ['subsystem', string('sftp')],
  ])('is started (%s) on the target only once its recorder has answered', async (name, data) => {
    const world = new RelayWorld();
    await world.asks('pty-req', name === 'subsystem' ? encode() : TERMINAL);
    await world.asks('env', encode(string('LANG'), string('C')));
    await world.asks(name, data);
    await world.targetComes();
    await world.says(world.client, saying.tell(0, 'signal', string('INT')), said('typed ahead'), EOF);
    expect(got(world, 'target')).toEqual(['target OPEN session 0']);
    await world.recorderComes();
    const start = ['target REQUEST 5 env', `target REQUEST 5 ${name}?`, 'target REQUEST 5 signal'];
    const asked = name === 'subsystem' ? start : ['target REQUEST 5 pty-req?', ...start];
    expect(got(world, 'target')).toEqual([...asked, 'target DATA 5 typed ahead', 'target EOF 5']);
  });

  it('passes the end of an empty input on only after the start, too', async () => {
    const world = new RelayWorld();
    await world.asks();
    await world.targetComes();
    world.outcome();
    await world.says(world.client, EOF);
    expect(world.outcome()).toEqual([]);
    await world.recorderComes();
    expect(world.outcome()).toEqual(['target REQUEST 5 exec?', 'target EOF 5']);
  });

  it('gives input to the target only as its recorder takes it, and before it goes on', async () => {
    const world = await RelayWorld.running();
    await world.says(world.client, said('one'));
    world.recorder.isFull = true;
    await world.says(world.client, said('two'));
    expect(world.outcome()).toEqual(['recorder input one', 'target DATA 5 one']);
    world.recorder.makeRoom();
    await world.settle();
    expect(world.outcome()).toEqual(['recorder input two', 'target DATA 5 two']);
  });

  it('gives output to the client in the same way', async () => {
    const world = await RelayWorld.running();
    world.recorder.isFull = true;
    await world.says(world.target, said('said'));
    expect(world.outcome()).toEqual([]);
    world.recorder.makeRoom();
    await world.settle();
    expect(world.outcome()).toEqual(['recorder stdout said', 'client DATA 7 said']);
  });

  it('records the size that its terminal got while the recorder was asked for', async () => {
    const world = new RelayWorld();
    await world.asks('pty-req', TERMINAL);
    await world.asks('shell', encode());
    await world.targetComes();
    await world.says(world.client, saying.tell(0, 'window-change', SIZE));
    world.outcome();
    await world.recorderComes();
    expect(got(world, 'recorder')).toEqual(['recorder resize 100x40 0x0']);
  });

  it('ends with a sentence where more would have to be left out of the recording than may be', async () => {
    const world = await RelayWorld.running();
    await world.says(world.target, said('kept'));
    world.overrun();
    await world.says(world.target, said('never'));
    await world.says(world.client, said('never'));
    const lines = world.outcome();
    expect(lines.join()).not.toMatch('never');
    expect(lines.filter((line) => /^client (?:DATA|EXTENDED)/.test(line))).toEqual([
      'client DATA 7 kept',
      expect.stringMatching(/^client EXTENDED 7 1 daypass: this access is recorded in full.*sftp or scp\.\n$/),
    ]);
    expect(lines).toContain('target CLOSE 5');
    expect(world.refused).toHaveLength(1);
  });
});

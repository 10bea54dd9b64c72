import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../../src/access/scopes/scope.ts';
import { INIT, packet, packetsOf, text, uint32, VERSION } from '../../../support/peers/sftp-talk.ts';
import { guardedChannel } from '../../../support/worlds/guarded-channel.ts';

describe('what a guarded channel lets through the file log follows to its end', () => {
  const open = (id: number, path: string | Buffer) => packet(3, uint32(id), text(path), uint32(1), uint32(0));
  const status = (id: number) => packet(101, uint32(id), uint32(2), text('No such file'), text(''));
  const ready = (files: NonNullable<Scope['files']> = { rights: 'read', paths: [] }, more: Partial<Scope> = {}) => {
    const here = guardedChannel(files, more);
    here.client.room = here.target.room = 1e9;
    here.fromClient(INIT);
    here.fromTarget(VERSION);
    return here;
  };

  it('where a number of a request that was refused is used again before its answer', () => {
    const here = ready();
    here.client.room = 0;
    here.fromClient(packet(13, uint32(7), text('/x')));
    here.fromClient(open(7, '/y'));
    here.fromTarget(packet(102, uint32(7), text('handle')));
    here.client.room = 1e9;
    here.settle();
    expect(here.log.isLost).toBe(false);
    expect(here.log.end(0)).toMatchObject({ refused: 1, read: 1 });
  });

  it('where more files are opened than it keeps', () => {
    const here = ready();
    for (let id = 0; id < 1_100; id += 1) {
      here.fromClient(open(id, '/x'));
      if (id < 1_000) here.fromTarget(packet(102, uint32(id), text(`handle ${id}`)));
    }
    expect(here.refused.at(-1)).toMatch(/more than 1000 open files at a time/);
    here.fromClient(packet(4, uint32(2_000), text('handle 1')));
    here.fromTarget(packet(101, uint32(2_000), uint32(0), text(''), text('')));
    here.fromClient(open(2_001, '/x'));
    expect(packetsOf(here.target.received).packets).toHaveLength(1 + 1_000 + 2);
    expect(here.log.isLost).toBe(false);
  });

  it.each([
    ['much is asked at once', Buffer.from('/x')],
    ['the longest paths are asked for', Buffer.alloc(4_096, 0xff)],
  ])('where %s by one who reads nothing', (_name, path) => {
    const here = ready();
    here.client.room = 0;
    let answered = 0;
    for (let id = 0; id < 40_000 && here.client.credited === here.client.sent; id += 1) {
      here.fromClient(open(id, path));
      if (id % 500 !== 499) continue;
      const asked = packetsOf(here.target.received).packets.length - 1;
      for (; answered < asked; answered += 1) here.fromTarget(status(answered));
    }
    expect(here.client.credited).toBeLessThan(here.client.sent);
    here.client.room = 1e9;
    here.settle();
    expect(here.sftp.ended).toBeNull();
    expect(here.log.isLost).toBe(false);
  });

  it('where the scope lets nothing opaque through, whatever files it opens', () => {
    const here = ready({ rights: 'read-write', paths: [] }, { opaque: 'refused' });
    here.fromClient(packet(99, uint32(1), text('/x')));
    expect(here.sftp.ended).toMatch(/^The client sent an SFTP request that cannot be read/);
    expect(here.target.received).toEqual(INIT);
  });
});

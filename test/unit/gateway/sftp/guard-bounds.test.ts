import { describe, expect, it } from 'vitest';
import type { SftpGuard } from '../../../../src/gateway/sftp/guard.ts';
import { packet, packetsOf, uint32 } from '../../../support/peers/sftp-talk.ts';
import {
  attributes,
  close,
  fstat,
  guarding,
  handle,
  handled,
  joined,
  lstat,
  many,
  open,
  opendir,
  refusal,
  remove,
  status,
} from '../../../support/worlds/greeted-guard.ts';

describe('what may wait', () => {
  /** So long that a request costs 2048 bytes of the 2 MiB. */
  const path = `/${'p'.repeat(615)}`;
  const first = fstat(900_000);
  const refusedLater = (id: number): Buffer => packet(10, uint32(id), handle, uint32(0));

  it.each<[string, number, (id: number) => Buffer, Buffer]>([
    ['requests without an answer', 8_192, fstat, Buffer.alloc(0)],
    ['refusals that are not due', 2_048, refusedLater, first],
    ['paths of requests', 1_024, (id) => lstat(id, path), Buffer.alloc(0)],
    ['paths of refusals', 1_024, (id) => remove(id, path), first],
    [
      'paths, of which none counts with more than a file can have',
      168,
      (id) => lstat(id, 'p'.repeat(9_000)),
      Buffer.alloc(0),
    ],
  ])('are %s, up to a number; twice as many end it', (_what, count, of, before) => {
    const { guard } = guarding();
    guard.client(Buffer.concat([before, many(count - 1, of)]));
    expect(guard.isFull).toBe(false);
    guard.client(of(count - 1));
    expect(guard.isFull).toBe(true);
    for (let id = count; id < 2 * count - 1; id += 1) guard.client(of(id));
    expect(guard.client(Buffer.alloc(0)).ended).toBeNull();
    expect(guard.client(of(2 * count - 1)).ended).toBe('The client sent too many requests without waiting for answers');
  });

  it('is less again with each answer', () => {
    const { guard } = guarding();
    guard.client(many(1_024, (id) => lstat(id, path)));
    expect(guard.isFull).toBe(true);
    guard.target(attributes(3));
    expect(guard.isFull).toBe(false);
    guard.client(lstat(3, path));
    expect(guard.isFull).toBe(true);
    guard.target(many(1_024, attributes));
    expect(guard.isFull).toBe(false);
  });

  it('is less again with each refusal that is given', () => {
    const { guard } = guarding();
    guard.client(Buffer.concat([first, many(1_024, (id) => remove(id, path))]));
    expect(guard.isFull).toBe(true);
    expect(packetsOf(joined(guard.target(attributes(900_000))).forward).packets).toHaveLength(1_025);
    expect(guard.isFull).toBe(false);
    guard.client(Buffer.concat([first, many(1_023, (id) => remove(id, path))]));
    expect(guard.isFull).toBe(false);
  });
});

describe('open files', () => {
  const full = (count = 1_000) => {
    const { guard } = guarding();
    for (let id = 0; id < count; id += 1) {
      guard.client(id % 2 === 0 ? open(id) : opendir(id));
      guard.target(handled(id));
    }
    return guard;
  };
  const tooMany = (id: number): Buffer => refusal(id, 'more than 1000 open files at a time', 4);
  const mayOpen = (guard: SftpGuard): boolean => {
    const [file, folder] = [guard.client(open(5_000)), guard.client(opendir(5_001))].map(joined);
    if (file?.forward.length) return true;
    expect([file?.answer, folder?.answer]).toEqual([tooMany(5_000), tooMany(5_001)]);
    return false;
  };

  it('are a thousand, files and folders', () => {
    expect(mayOpen(full(999))).toBe(true);
    expect(mayOpen(full())).toBe(false);
    expect(joined(full().client(lstat(5_000, '/x'))).forward).toEqual(lstat(5_000, '/x'));
  });

  it.each<[string, Buffer, Buffer, boolean]>([
    ['one is closed', close(4_000), status(4_000), true],
    ['one could not be closed', close(4_000), status(4_000, 4), false],
    ['a close is answered with something else', close(4_000), attributes(4_000), false],
    ['a close is answered with half a status', close(4_000), packet(101, uint32(4_000)), false],
    ['something else is done', fstat(4_000), status(4_000), false],
  ])('make room for another where %s', (_what, asked, answer, expected) => {
    const guard = full();
    guard.client(asked);
    expect(guard.target(answer).ended).toBeNull();
    expect(mayOpen(guard)).toBe(expected);
  });

  it('are no more for one that could not be opened', () => {
    const { guard } = guarding();
    for (let id = 0; id < 1_001; id += 1) {
      expect(joined(guard.client(id % 2 === 0 ? open(id) : opendir(id))).forward.length).toBeGreaterThan(0);
      guard.target(status(id, 2));
    }
    expect(mayOpen(guard)).toBe(true);
  });

  it('count from when they are asked for', () => {
    const { guard } = guarding();
    expect(packetsOf(joined(guard.client(many(1_001, open))).forward).packets).toHaveLength(1_000);
  });
});

import { describe, expect, it } from 'vitest';
import { type Guarded, SftpGuard } from '../../../../src/gateway/sftp/guard.ts';
import {
  ASK_FOR_START,
  INIT,
  idOf,
  packet,
  packetsOf,
  startsIn,
  text,
  uint32,
  VERSION,
} from '../../../support/peers/sftp-talk.ts';
import {
  attributes,
  BOUNDED,
  fstat,
  guarding,
  handle,
  joined,
  lstat,
  READ,
  refusal,
  remove,
  status,
} from '../../../support/worlds/greeted-guard.ts';

describe('the beginning', () => {
  const started = 'The client did not start SFTP by sending its version and waiting for the target';
  it.each<[string, readonly Buffer[], string | null]>([
    ['its version', [INIT], null],
    ['its version, cut', [INIT.subarray(0, 5), INIT.subarray(5)], null],
    ['another version', [packet(1, uint32(6))], null],
    ['its version with more in it', [packet(1, uint32(3), text('x'), text('1'))], started],
    ['something else of that length', [packet(4, uint32(3))], started],
    ['its version twice', [INIT, INIT], started],
    ['no SFTP', [Buffer.alloc(5)], 'The client sent something that is not SFTP: its length is not one of a packet'],
  ])('of a client that sends %s', (_what, pieces, ended) => {
    const guard = new SftpGuard(READ, () => {});
    const outcomes = pieces.map((bytes) => guard.client(bytes));
    expect(outcomes.at(-1)?.ended).toBe(ended);
    if (ended === null)
      expect(Buffer.concat(outcomes.flatMap(({ forward }) => forward))).toEqual(Buffer.concat(pieces));
    else expect(outcomes.at(-1)).toEqual({ forward: [], answer: [], ended });
  });

  const nobody = 'The target answered an SFTP request that nobody made';
  const noVersion = 'The target did not start SFTP with its version';
  it.each<[string, boolean, Buffer, string | null]>([
    ['its version', true, VERSION, null],
    ['its version before the client', false, VERSION, noVersion],
    ['something else', true, packet(101, uint32(3)), noVersion],
    [
      'a newer version',
      true,
      packet(2, uint32(4)),
      'The target speaks SFTP version 4, and scopes are enforced in version 3',
    ],
    [
      'an older version',
      true,
      packet(2, uint32(2)),
      'The target speaks SFTP version 2, and scopes are enforced in version 3',
    ],
    [
      'words',
      true,
      Buffer.from('Welcome\r\n'),
      'The target sent something that is not SFTP. Ask its owner what its login prints',
    ],
    ['an answer behind its version', true, Buffer.concat([VERSION, status(1)]), nobody],
  ])('of a target that sends %s', (_what, isAsked, bytes, ended) => {
    const guard = new SftpGuard(READ, () => {});
    if (isAsked) guard.client(INIT);
    const outcome = guard.target(bytes);
    expect(outcome.ended).toBe(ended);
    expect(joined(outcome).forward).toEqual(ended === null ? bytes : Buffer.alloc(0));
    if (ended !== null) expect(guard.client(fstat(1))).toEqual({ forward: [], answer: [], ended });
  });

  it('has the target asked where paths start, once and where that matters', () => {
    const guard = new SftpGuard(BOUNDED, () => {});
    expect([guard.held, guard.isFull]).toEqual([ASK_FOR_START.length, false]);
    guard.client(INIT.subarray(0, 7));
    expect(guard.held).toBe(ASK_FOR_START.length + 7);
    expect(Buffer.concat(guard.client(INIT.subarray(7)).forward)).toEqual(Buffer.concat([INIT, ASK_FOR_START]));
    expect([guard.held, guard.isFull]).toEqual([0, false]);
    expect(joined(guard.target(VERSION)).forward).toEqual(VERSION);
    expect(guard.isFull).toBe(true);
    expect(joined(guard.target(startsIn('/srv/in')))).toEqual({ forward: Buffer.alloc(0), answer: Buffer.alloc(0) });
    expect(guard.isFull).toBe(false);
    expect(joined(guard.client(lstat(1, 'a'))).forward).toEqual(lstat(1, 'a'));
    const free = new SftpGuard(READ, () => {});
    expect(free.held).toBe(0);
    expect(Buffer.concat(free.client(INIT).forward)).toEqual(INIT);
  });

  it.each<[string, Buffer, string | null, boolean]>([
    ['one name', startsIn('/srv/in'), null, true],
    ['no name', packet(104, uint32(0xffff_ffff), uint32(0)), null, false],
    ['two names', packet(104, uint32(0xffff_ffff), uint32(2), text('/srv/in'), text('/srv/in')), null, false],
    ['a name that is cut short', packet(104, uint32(0xffff_ffff), uint32(1), uint32(99)), null, false],
    ['another kind of answer', packet(105, uint32(0xffff_ffff), uint32(1), text('/srv/in')), null, false],
    ['the answer to something else', packet(104, uint32(7), uint32(1), text('/srv/in')), nobody, false],
  ])('believes the target about it where it says %s', (_what, answer, ended, passes) => {
    const guard = new SftpGuard(BOUNDED, () => {});
    guard.client(INIT);
    // In one piece with its version, it is told apart.
    const outcome = guard.target(Buffer.concat([VERSION, answer]));
    expect(outcome.ended).toBe(ended);
    if (ended !== null) return;
    expect(joined(outcome).forward).toEqual(VERSION);
    expect(joined(guard.client(lstat(1, 'a'))).forward).toEqual(passes ? lstat(1, 'a') : Buffer.alloc(0));
  });
});

describe('a request that is refused', () => {
  it.each<[string, Buffer, string, Buffer]>([
    [
      'by its path',
      remove(5, '/tmp/x'),
      'sftp: remove /tmp/x was refused: the scope is read-only',
      refusal(5, 'the scope is read-only'),
    ],
    [
      'by two of them',
      packet(18, uint32(5), text('/a'), text('/b')),
      'sftp: rename /a and /b was refused: the scope is read-only',
      refusal(5, 'the scope is read-only'),
    ],
    [
      'by the name of its extension',
      packet(200, uint32(5), text('hardlink@openssh.com'), text('/a'), text('/b')),
      'sftp: hardlink@openssh.com /a and /b was refused: the scope is read-only',
      refusal(5, 'the scope is read-only'),
    ],
    [
      'without a path',
      packet(10, uint32(5), handle, uint32(0)),
      'sftp: fsetstat was refused: the scope is read-only',
      refusal(5, 'the scope is read-only'),
    ],
    [
      'as something unknown',
      packet(200, uint32(5), text('x@example.com'), text('/a')),
      'sftp: x@example.com was refused: an unknown SFTP extension',
      refusal(5, 'an unknown SFTP extension', 8),
    ],
    [
      'with as much of a long path as people read',
      remove(5, `/${'a'.repeat(250)}`),
      `sftp: remove /${'a'.repeat(199)} was refused: the scope is read-only`,
      refusal(5, 'the scope is read-only'),
    ],
    [
      'with nothing in its path that moves a cursor',
      remove(5, '/a\x1b[2J\n'),
      'sftp: remove /a?[2J? was refused: the scope is read-only',
      refusal(5, 'the scope is read-only'),
    ],
  ])('is told %s, and answered by the gateway', (_what, bytes, said, answer) => {
    const { guard, refused } = guarding();
    expect(joined(guard.client(bytes))).toEqual({ forward: Buffer.alloc(0), answer });
    expect(refused).toEqual([said]);
  });

  it('is answered in its turn', () => {
    const { guard } = guarding();
    const asked = guard.client(Buffer.concat([fstat(1), remove(2), fstat(3), remove(4)]));
    expect(joined(asked)).toEqual({ forward: Buffer.concat([fstat(1), fstat(3)]), answer: Buffer.alloc(0) });
    const [two, four] = [refusal(2, 'the scope is read-only'), refusal(4, 'the scope is read-only')];
    const whole = guard.target(Buffer.concat([attributes(1), attributes(3)]));
    expect(joined(whole).forward).toEqual(Buffer.concat([attributes(1), two, attributes(3), four]));
    expect(joined(guard.client(remove(4))).answer).toEqual(four);
  });

  it('waits until the packet that passes is at its end', () => {
    const { guard } = guarding();
    guard.client(fstat(1));
    const answer = attributes(1);
    guard.target(answer.subarray(0, 3));
    expect(joined(guard.client(remove(2))).answer).toHaveLength(0);
    const passed = [guard.target(answer.subarray(3, 6)), guard.target(answer.subarray(6))];
    expect(passed.map((each) => joined(each).forward)).toEqual([
      answer.subarray(3, 6),
      Buffer.concat([answer.subarray(6), refusal(2, 'the scope is read-only')]),
    ]);
  });

  it('never stands inside of content, whose request counts as answered once that begins', () => {
    const { guard } = guarding();
    guard.client(packet(5, uint32(1), handle, uint32(0), uint32(0), uint32(9)));
    const answer = packet(103, uint32(1), text('content'));
    guard.target(answer.subarray(0, 15));
    expect(joined(guard.client(remove(2))).answer).toHaveLength(0);
    expect(joined(guard.target(answer.subarray(15, 17))).forward).toEqual(answer.subarray(15, 17));
    const rest = Buffer.concat([answer.subarray(17), refusal(2, 'the scope is read-only')]);
    expect(joined(guard.target(answer.subarray(17))).forward).toEqual(rest);
  });

  it('leaves the requests around it as they are, with their content', () => {
    const write = (id: number, content: string): Buffer =>
      packet(6, uint32(id), handle, uint32(0), uint32(0), text(content));
    const all = new SftpGuard(BOUNDED, () => {});
    all.client(INIT);
    all.target(Buffer.concat([VERSION, startsIn('/')]));
    const stream = Buffer.concat([write(1, 'kept'), remove(2, '/etc/x'), write(3, ''), write(4, 'kept too')]);
    expect(joined(all.client(stream)).forward).toEqual(
      Buffer.concat([write(1, 'kept'), write(3, ''), write(4, 'kept too')]),
    );
    const { guard } = guarding();
    const outcome = guard.client(Buffer.concat([write(1, 'dropped'), fstat(2)]));
    expect(joined(outcome).forward).toEqual(fstat(2));
    expect(packetsOf(joined(outcome).answer).packets.map(idOf)).toEqual([1]);
  });
});

describe('what ends the channel', () => {
  it.each<[string, (guard: SftpGuard) => Guarded, string]>([
    [
      'two requests of one number',
      (guard) => guard.client(Buffer.concat([fstat(1), fstat(1)])),
      'The client gave two SFTP requests the same number',
    ],
    [
      'a request that cannot be read',
      (guard) => guard.client(packet(99, uint32(1))),
      'The client sent an SFTP request that cannot be read',
    ],
    [
      'an answer to nothing',
      (guard) => guard.target(status(1)),
      'The target answered an SFTP request that nobody made',
    ],
    [
      'an answer to what was refused',
      (guard) => {
        guard.client(remove(1));
        return guard.target(status(1));
      },
      'The target answered an SFTP request that nobody made',
    ],
    [
      'a second answer',
      (guard) => {
        guard.client(fstat(1));
        return guard.target(Buffer.concat([attributes(1), attributes(1)]));
      },
      'The target answered an SFTP request that nobody made',
    ],
  ])('is %s, and nothing goes on after it', (_what, work, ended) => {
    const { guard, refused } = guarding();
    const over = { forward: [], answer: [], ended };
    expect(work(guard)).toEqual(over);
    const before = refused.length;
    expect(guard.client(Buffer.concat([remove(7), remove(8)]))).toEqual(over);
    expect(guard.client(Buffer.concat([fstat(8), remove(9)]))).toEqual(over);
    expect(guard.target(attributes(8))).toEqual(over);
    expect(refused).toHaveLength(before);
  });

  it('is not followed by what came in one piece with it', () => {
    const { guard, refused } = guarding();
    guard.client(Buffer.concat([fstat(1), fstat(1), remove(2)]));
    expect(refused).toEqual([]);
  });

  it('is not a number that is used again once it was answered', () => {
    const { guard } = guarding();
    for (let n = 0; n < 3; n += 1) {
      expect(joined(guard.client(fstat(1))).forward).toEqual(fstat(1));
      expect(joined(guard.target(attributes(1))).forward).toEqual(attributes(1));
    }
  });
});

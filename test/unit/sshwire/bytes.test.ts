import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attempt,
  encode,
  mpint,
  type Reader,
  reader,
  sameBytes,
  string,
  uint8,
  uint32,
  uint64,
} from '../../../src/sshwire/bytes.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const code = (bytes: Uint8Array, read: (from: Reader) => unknown): string => {
  const outcome = attempt(() => read(reader(bytes)));
  return outcome.ok ? 'read' : outcome.refusal.code;
};

describe('a reader', () => {
  it('gives back what the writers wrote', () => {
    const property = fc.property(
      fc.nat(255),
      fc.nat(0xffff_ffff),
      fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      fc.uint8Array({ maxLength: 64 }),
      fc.string({ unit: fc.constantFrom('a', 'ß', '€', '😀', ' ') }),
      (small, middle, large, bytes, text) => {
        const from = reader(encode(uint8(small), uint32(middle), uint64(large), string(bytes), string(text)));
        expect(from.uint8('a')).toBe(small);
        expect(from.uint32('b')).toBe(middle);
        expect(from.uint64('c')).toBe(large);
        expect([...from.string('d')]).toEqual([...bytes]);
        expect(from.text('e')).toBe(text);
        expect(from.done()).toBe(true);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 200 });
  });

  it('reads from the middle of a larger buffer and never beyond its own part', () => {
    const inside = encode(uint32(99), string('ab'), uint32(7)).subarray(4, 10);
    const from = reader(inside);
    expect(from.text('text')).toBe('ab');
    expect(attempt(() => from.uint8('more'))).toMatchObject({ ok: false, refusal: { code: 'truncated' } });
  });

  it('tells where it is', () => {
    const from = reader(encode(uint8(1), string('ab'), uint8(2)));
    expect([from.position(), from.done()]).toEqual([0, false]);
    from.uint8('x');
    from.string('x');
    expect([from.position(), from.done()]).toEqual([7, false]);
    from.uint8('x');
    expect([from.position(), from.done()]).toEqual([8, true]);
  });

  it.each<[string, Uint8Array, (from: Reader) => unknown, string, string]>([
    ['a byte that is not there', hex(''), (from) => from.uint8('flag'), 'truncated', 'it ends inside its flag'],
    [
      'a string cut short',
      hex('0000000161'),
      (from) => [from.uint8('x'), from.text('name')],
      'truncated',
      'it ends inside its name',
    ],
    ['a long string', string('abc'), (from) => from.text('name', 2), 'too_long', 'its name is longer than 2 bytes'],
    ['bytes that follow', hex('00'), (from) => from.end('key'), 'trailing_bytes', 'bytes follow the end of the key'],
    ['no UTF-8', string(hex('ff')), (from) => from.utf8('name'), 'bad_text', 'its name is not UTF-8'],
    ['a control character', string('\n'), (from) => from.text('name'), 'bad_text', 'its name has control characters'],
    ['zero', string(''), (from) => from.positiveMpint('e', 4), 'bad_value', 'its e is zero'],
    ['less than zero', string(hex('ff')), (from) => from.positiveMpint('e', 4), 'not_canonical', 'its e is negative'],
    [
      'a zero too many',
      string(hex('007f')),
      (from) => from.positiveMpint('e', 4),
      'not_canonical',
      'its e has a needless leading zero',
    ],
    [
      'a number above its bound',
      string(hex('7f00000000')),
      (from) => from.positiveMpint('e', 4),
      'too_long',
      'its e is longer than 4 bytes',
    ],
  ])('says what was wrong: %s', (_what, bytes, read, wrong, why) => {
    expect(attempt(() => read(reader(bytes)))).toEqual({ ok: false, refusal: { code: wrong, why } });
  });

  it('refuses what is shorter than it says', () => {
    expect(code(hex(''), (from) => from.uint8('x'))).toBe('truncated');
    expect(code(hex('000000'), (from) => from.uint32('x'))).toBe('truncated');
    expect(code(hex('00000000000000'), (from) => from.uint64('x'))).toBe('truncated');
    expect(code(hex('00000003aabb'), (from) => from.string('x'))).toBe('truncated');
    expect(code(hex('0000'), (from) => from.string('x'))).toBe('truncated');
  });

  it('refuses what is longer than its bound, also where the bytes are not there', () => {
    expect(code(hex('00000003aabbcc'), (from) => from.string('x', 2))).toBe('too_long');
    expect(code(hex('ffffffff'), (from) => from.string('x'))).toBe('too_long');
    for (const read of ['string', 'utf8', 'text'] as const) {
      expect(code(string('abc'), (from) => from[read]('x', 3))).toBe('read');
      expect(code(string('abc'), (from) => from[read]('x', 2))).toBe('too_long');
      expect(code(string('a'.repeat(65_536)), (from) => from[read]('x'))).toBe('read');
      expect(code(string('a'.repeat(65_537)), (from) => from[read]('x'))).toBe('too_long');
    }
  });

  it('refuses bytes behind the end', () => {
    const whole = (from: Reader): void => {
      from.string('x');
      from.end('x');
    };
    expect(code(hex('00000000'), whole)).toBe('read');
    expect(code(hex('0000000000'), whole)).toBe('trailing_bytes');
  });

  it('refuses text that is not UTF-8, and control and formatting characters', () => {
    expect(code(string(hex('ff')), (from) => from.text('x'))).toBe('bad_text');
    expect(code(string(hex('c080')), (from) => from.text('x'))).toBe('bad_text');
    for (const bad of ['\0', 'a\nb', '\x1b[2J', '\x7f', '\u0085', '\u2028', '\u2029', '\u202e', '\ufeff']) {
      expect(code(string(bad), (from) => from.text('x'))).toBe('bad_text');
    }
    expect(code(string('a\nb'), (from) => from.utf8('x'))).toBe('read');
    expect(reader(string('\ufeffa')).utf8('x')).toBe('\ufeffa');
  });
});

describe('an mpint', () => {
  const read = (bytes: Uint8Array): string => code(bytes, (from) => from.positiveMpint('x', 4));

  it('is written as RFC 4251 §5 writes its examples', () => {
    expect(Buffer.from(mpint(hex('00'))).toString('hex')).toBe('00000000');
    expect(Buffer.from(mpint(hex('09a378f9b2e332a7'))).toString('hex')).toBe('0000000809a378f9b2e332a7');
    expect(Buffer.from(mpint(hex('80'))).toString('hex')).toBe('000000020080');
  });

  it.each([
    ['01', '01'],
    ['7f', '7f'],
    ['0080', '80'],
    ['00ffffffff', 'ffffffff'],
    ['7fffffff', '7fffffff'],
  ])('%s is read as the number %s', (bytes, number) => {
    const magnitude = reader(string(hex(bytes))).positiveMpint('x', 4);
    expect(Buffer.from(magnitude).toString('hex')).toBe(number);
    expect(mpint(magnitude)).toEqual(string(hex(bytes)));
    expect(mpint(encode(hex('0000'), magnitude))).toEqual(string(hex(bytes)));
  });

  it('is read only where it is positive and in its shortest form', () => {
    expect(read(string(hex('7f')))).toBe('read');
    expect(read(string(hex('0080')))).toBe('read');
    expect(read(string(hex('00ffffffff')))).toBe('read');
    expect(read(string(hex('')))).toBe('bad_value');
    expect(read(string(hex('00')))).toBe('not_canonical');
    expect(read(string(hex('007f')))).toBe('not_canonical');
    expect(read(string(hex('000080')))).toBe('not_canonical');
    expect(read(string(hex('80')))).toBe('not_canonical');
    expect(read(string(hex('7fffffffff')))).toBe('too_long');
    expect(read(string(hex('00ffffffffff')))).toBe('too_long');
  });
});

it('bytes are the same where all of them are', () => {
  expect(sameBytes(hex('0102'), hex('0102'))).toBe(true);
  for (const other of ['', '01', '0103', '0202', '010200']) expect(sameBytes(hex('0102'), hex(other))).toBe(false);
});

it('what is no refusal but a fault goes on as a throw', () => {
  expect(() =>
    attempt(() => {
      throw new RangeError('ours');
    }),
  ).toThrow('ours');
});

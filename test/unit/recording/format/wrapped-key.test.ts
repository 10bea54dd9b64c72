import { expect, it } from 'vitest';
import { mixesKinds } from '../../../../src/recording/format/wrapped-key.ts';

const [CLASSIC, POST_QUANTUM] = ['age1qqqq', 'age1pq1qqqq'];

it.each<[string, readonly string[], boolean]>([
  ['no recipient', [], false],
  ['classic ones alone', [CLASSIC, CLASSIC], false],
  ['post-quantum ones alone', [POST_QUANTUM, POST_QUANTUM], false],
  ['a post-quantum one beside a classic one', [CLASSIC, POST_QUANTUM], true],
  ['a classic one beside a post-quantum one', [POST_QUANTUM, CLASSIC], true],
])('the kinds of recipients are mixed or not: %s', (_name, recipients, isMixed) => {
  expect(mixesKinds(recipients)).toBe(isMixed);
});

import fc from 'fast-check';

/** Pieces that have broken chat messages: mentions, entities, hidden and reordering characters, half surrogates. */
const PIECES = [
  '<!channel>',
  '<!here|x>',
  '<@U0SECURITY>',
  '<#C1|general>',
  '<!subteam^S1>',
  '<https://evil.example|https://good.example>',
  '<!date^0^{date}|x>',
  '&lt;!channel&gt;',
  '&',
  '&amp',
  '<',
  '>',
  '`',
  '```',
  '*',
  '_',
  '~',
  '\n',
  '\r\n> ',
  '\u2028',
  '\u202e',
  '\u200b',
  '\u2066',
  '\u0000',
  '\u001b[31m',
  '\u0007',
  '\u{e0041}',
  '\ud83d',
  '\udc00',
  '🙂',
  'é',
  'نص',
  '@channel',
  '@here',
  ':tada:',
  'Approved by',
];

export const hostileText = (maxPieces = 40): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: maxPieces })
    .map((pieces) => pieces.join(''));

/** Where tests run once for each mutant, what tables show counts, and chance gets a small part of its time. */
export const MUTATED_PART = process.env['DAYPASS_MUTATION'] === '1' ? 20 : 1;

export const runs = (short = 200): { numRuns: number; seed: number } => ({
  numRuns: process.env['DAYPASS_LONG'] === '1' ? 10_000 : Math.ceil(short / MUTATED_PART),
  seed: 20_301,
});

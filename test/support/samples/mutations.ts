/** Seeded damage to bytes: the same seed gives the same inputs on every machine. */

export type Random = (below: number) => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One to four changes: bits, bytes, lengths, cuts, insertions, repeats, and pieces of other inputs. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): { from: Uint8Array; bytes: Uint8Array } {
  const from = pick(random, corpus);
  let bytes: Buffer = Buffer.from(from);
  for (let changes = 1 + random(4); changes > 0; changes -= 1) bytes = change(random, bytes, corpus);
  return { from, bytes: new Uint8Array(bytes) };
}

const pick = (random: Random, corpus: readonly Uint8Array[]): Uint8Array =>
  corpus[random(corpus.length)] ?? new Uint8Array(0);

const LENGTHS = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff];

function change(random: Random, bytes: Buffer, corpus: readonly Uint8Array[]): Buffer {
  const at = random(bytes.length + 1);
  const until = Math.min(bytes.length, at + 1 + random(48));
  switch (random(8)) {
    case 0:
      return flip(bytes, at, 1 << random(8));
    case 1:
      return flip(bytes, at, 1 + random(255));
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(until)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, until), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + random(8), random(256)), bytes.subarray(at)]);
    case 6: {
      const other = pick(random, corpus);
      const start = random(other.length + 1);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(start, start + random(96)), bytes.subarray(until)]);
    }
    default:
      return overwrite(random, bytes, at);
  }
}

function flip(bytes: Buffer, at: number, mask: number): Buffer {
  const flipped = Buffer.from(bytes);
  if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ mask;
  return flipped;
}

/** A length field of a value that readers trip over, wherever it lands. */
function overwrite(random: Random, bytes: Buffer, at: number): Buffer {
  if (at + 4 > bytes.length) return bytes;
  const changed = Buffer.from(bytes);
  changed.writeUInt32BE(LENGTHS[random(LENGTHS.length)] ?? 0, at);
  return changed;
}

const COMPARED_MAX = 80;
/** One letter in three may be another, at most two. */
const isNearAt = (distance: number, word: string): boolean => distance <= Math.min(2, Math.floor(word.length / 3));

/** The words in the order of how little has to be changed to get there; `isNear` where the first is probably meant. */
export function nearestFirst(
  given: string,
  words: readonly string[],
): { readonly words: readonly string[]; readonly isNear: boolean } {
  const compared = given.slice(0, COMPARED_MAX);
  const sorted = words
    .map((word) => ({ word, distance: distance(compared, word.toLowerCase().slice(0, COMPARED_MAX)) }))
    .sort((one, other) => one.distance - other.distance);
  const [nearest] = sorted;
  return {
    words: sorted.map(({ word }) => word),
    isNear: nearest !== undefined && isNearAt(nearest.distance, compared),
  };
}

/** Levenshtein: letters put in, taken out or replaced. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j += 1) {
      const replaced = (row[j] ?? 0) + (letter === other[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

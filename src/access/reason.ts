/** Words that say that access is wanted, or nothing at all: a reviewer learns nothing from them. */
const FILLER: ReadonlySet<string> = new Set(
  `a access account again all also an and any asap as at be can check could debug debugging do doing for from get give go
  gotta have hello hey hi host hosts i im in into is issue issues it its just let lets log login look machine me my myself need needed
  needs now of on once our please pls plz prod production quick quickly request requesting required reason root server servers shell
  some ssh staging stuff task test testing thank thanks that the there thing things this ticket to today too tomorrow up urgent urgently
  us want wanted we will with work working would you your`.split(/\s+/),
);

const LETTERS_MIN = 3;

/**
 * Whether a reason says more than that somebody wants access: at least one word of its own, of three letters where the script has
 * letters, or two characters where each is a word's worth.
 */
export function hasSubstance(reason: string): boolean {
  const words =
    reason
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[’']/g, '')
      .match(/[\p{L}\p{M}]+/gu) ?? [];
  const own = words.filter((word) => !FILLER.has(word) && !/^(\p{L})\1*$/u.test(word));
  return own.some(
    (word) =>
      /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}]{2}/u.test(word) ||
      [...word].length >= LETTERS_MIN,
  );
}

import { isSayable } from './command-words.ts';

/** A command's words: each exact, or `*` for any one word; behind them `**` for any further ones. Neither stands for an option. */
export type ExecPattern = readonly string[];

const ONE = '*';
const REST = '**';

/** Options change what a command does, so that a pattern has to name them. */
const isOption = (word: string): boolean => word === '' || /^[-+]/.test(word);

export const isExact = (pattern: ExecPattern): boolean => !pattern.includes(ONE) && !pattern.includes(REST);

export function matchesExec(pattern: ExecPattern, words: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === REST;
  const fixed = isOpen ? pattern.slice(0, -1) : pattern;
  if (isOpen ? words.length < fixed.length : words.length !== fixed.length) return false;
  return words.every((word, index) => {
    const wanted = fixed[index];
    return wanted === undefined || wanted === ONE ? !isOption(word) : word === wanted;
  });
}

/** Why a pattern could not hold what it promises, or null. */
export function wrongPattern(pattern: ExecPattern): string | null {
  const [program] = pattern;
  if (!program || program === ONE || program === REST) return 'the first word must be the command';
  if (pattern.slice(0, -1).includes(REST)) return '** must come last';
  const odd = pattern.find((word) => word !== ONE && word !== REST && (word.includes('*') || !isSayable(word)));
  if (odd === undefined) return null;
  return odd.includes('*') ? '* and ** must be whole words' : 'words must be printable ASCII without !';
}

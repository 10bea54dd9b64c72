/**
 * An exec line as every shell that a login may have splits it. sshd hands the line to the login's shell, so what is decided here on
 * words has to be what sh, dash, bash, zsh, ksh and fish make of it; where one of them does more than split, or splits otherwise,
 * the line is refused.
 */
export type CommandWords =
  | { readonly ok: true; readonly words: readonly CommandWord[] }
  | { readonly ok: false; readonly why: string };

export type CommandWord = {
  readonly text: string;
  /** A shell makes names of files of it: unquoted `*`, `?`, `[` or a leading `~`. Only where `patterns` lets it. */
  readonly hasPattern: boolean;
};

const LINE_MAX = 8_192;

/** Taken literally by every shell, wherever they stand in a word. */
const PLAIN = /[A-Za-z0-9_@%+:,./=-]/;
/** What a backslash makes literal everywhere. Before letters and digits it means more to fish. */
const ESCAPABLE = new Set(' \'"\\$`&;|<>()[]{}*?#~=^%');
/** Expanded by a shell into names of files, for those who let it. */
const PATTERN = new Set('*?[]');
/** Begins no word: zsh and fish would make more of it. */
const NOT_FIRST = new Set('=%');

const NAMES: Readonly<Record<string, string>> = { '\n': 'a line break', '\t': 'a tab', '`': 'a backquote' };
const nameOf = (char: string): string => {
  const code = char.codePointAt(0) ?? 0;
  if (code > 0x20 && code < 0x7f && char !== '`') return char;
  return NAMES[char] ?? (code < 0x20 || code === 0x7f ? 'a control character' : 'a character that is not ASCII');
};

type Options = {
  /** Lets `*`, `?`, `[…]` and a leading `~` stand for paths of the target's own choosing. */
  readonly patterns?: boolean;
};

export function splitCommand(line: string, { patterns = false }: Options = {}): CommandWords {
  if (line.length > LINE_MAX) return { ok: false, why: `it is longer than ${LINE_MAX} characters` };
  const words: CommandWord[] = [];
  for (let at = 0; at < line.length; ) {
    if (line[at] === ' ') {
      at += 1;
      continue;
    }
    const word = readWord(line, at, { patterns, isCommand: words.length === 0 });
    if (!word.ok) return word;
    words.push(word.word);
    at = word.end;
  }
  return { ok: true, words };
}

type ReadWord =
  | { readonly ok: true; readonly word: CommandWord; readonly end: number }
  | Extract<CommandWords, { ok: false }>;

const refused = (char: string, where = ''): Extract<CommandWords, { ok: false }> => ({
  ok: false,
  why: `a shell would treat ${nameOf(char)}${where} as special`,
});

type Place = { readonly patterns: boolean; readonly isCommand: boolean };

function readWord(line: string, start: number, { patterns, isCommand }: Place): ReadWord {
  let text = '';
  let hasPattern = false;
  let at = start;
  for (let char = line[at]; char !== undefined && char !== ' '; char = line[at]) {
    if (char === "'" || char === '"') {
      const quoted = readQuoted(line, at, char);
      if (!quoted.ok) return quoted;
      text += quoted.text;
      at = quoted.end;
      // zsh can be told to take two quotes for one (RC_QUOTES).
      if (char === "'" && line[at] === "'") return refused("''");
    } else if (char === '\\') {
      const next = line[at + 1];
      if (next === undefined || !ESCAPABLE.has(next)) return refused('\\');
      text += next;
      at += 2;
    } else {
      const isPattern = patterns && (PATTERN.has(char) || (char === '~' && at === start));
      if (!PLAIN.test(char) && !isPattern) return refused(char);
      // Before the command, NAME=value sets the environment.
      if ((text === '' && NOT_FIRST.has(char)) || (char === '=' && isCommand)) return refused(char);
      // After another = or a colon, zsh can be told to look for a command (MAGIC_EQUAL_SUBST).
      if (char === '=' && /[=:]/.test(text)) return refused(char);
      hasPattern ||= isPattern;
      text += char;
      at += 1;
    }
  }
  return { ok: true, word: { text, hasPattern }, end: at };
}

type ReadQuoted =
  | { readonly ok: true; readonly text: string; readonly end: number }
  | Extract<CommandWords, { ok: false }>;

function readQuoted(line: string, start: number, quote: '"' | "'"): ReadQuoted {
  const end = line.indexOf(quote, start + 1);
  if (end < 0) return { ok: false, why: 'a quote is never closed' };
  const text = line.slice(start + 1, end);
  // csh looks for ! and fish for \ inside of single quotes, too.
  const odd = [...text].find(
    (char) => !/[\x20-\x7e]/.test(char) || char === '!' || char === '\\' || (quote === '"' && '$`'.includes(char)),
  );
  return odd === undefined ? { ok: true, text, end: end + 1 } : refused(odd, ' in quotes');
}

/** Words that a line can be made of which `splitCommand` takes for exactly these. */
export const isSayable = (word: string): boolean => /^[\x20-\x7e]*$/.test(word) && !word.includes('!');

/** The line that every shell splits into exactly these words. */
export const commandLine = (words: readonly string[]): string =>
  words.map((word, index) => quoted(word, index === 0)).join(' ');

function quoted(word: string, isCommand: boolean): string {
  const isPlain = /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+:,./-]*$/.test(word);
  if (isPlain || (!isCommand && /^--?[A-Za-z0-9-]+=[A-Za-z0-9_@%+,./-]*$/.test(word))) return word;
  if (!/['\\]/.test(word)) return `'${word}'`;
  return [...word].map((char) => (ESCAPABLE.has(char) ? `\\${char}` : char)).join('');
}

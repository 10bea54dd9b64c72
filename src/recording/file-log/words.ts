const COMMAND_MAX = 65_536;
const WORDS_MAX = 1_024;

/**
 * The words of a command as a shell would split it, or null where a shell would do more than split: then nobody can say from
 * outside what runs.
 */
function parseWords(command: string): string[] | null {
  if (command.length > COMMAND_MAX) return null;
  const words: string[] = [];
  const pattern = /[ \t]+|((?:'[^']*'|"[^"$`\\]*"|\\[^\n]|[^\s'"\\$`;&|<>()#!{}])+)/y;
  while (pattern.lastIndex < command.length) {
    const found = pattern.exec(command);
    if (!found) return null;
    if (found[1] !== undefined) words.push(unquoted(found[1]));
    if (words.length > WORDS_MAX) return null;
  }
  return words;
}

const unquoted = (word: string): string =>
  word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_all, single, double, escaped) => single ?? double ?? escaped ?? '');

/** What stands behind `scp` in an exec line, also behind `sudo` and its flags; nothing where that cannot be told. */
export function scpWords(command: string): readonly string[] {
  const [program, ...rest] = afterSudo(parseWords(command) ?? []);
  return program !== undefined && /(?:^|\/)scp$/.test(program) ? rest : [];
}

function afterSudo(words: readonly string[]): readonly string[] {
  if (words[0] !== 'sudo') return words;
  let at = 1;
  while (at < words.length) {
    const word = words[at] ?? '';
    if (word === '--') return words.slice(at + 1);
    if (/^-[ugC]$/.test(word)) at += 2;
    else if (word.startsWith('-')) at += 1;
    else break;
  }
  return words.slice(at);
}

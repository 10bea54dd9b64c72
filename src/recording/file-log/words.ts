import type { FileProtocol } from './operation.ts';

/** A program of a transfer, and the words behind it. */
export type Program = { readonly kind: FileProtocol; readonly name: string; readonly words: readonly string[] };

const SFTP = new Set(['sftp-server', 'internal-sftp']);
const GIT = new Set(['git-upload-pack', 'git-receive-pack', 'git-upload-archive']);
const COMMAND_MAX = 65_536;
const WORDS_MAX = 1_024;

/**
 * The words of a command as a shell would split it, or null where a shell would do more than split: then nobody can say from
 * outside what runs.
 */
export function parseWords(command: string): string[] | null {
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

/** The transfer that plain words start, also behind `sudo` and its flags. */
export function programOf(words: readonly string[]): Program | null {
  const [first, ...rest] = afterSudo(words);
  if (first === undefined) return null;
  const name = first.slice(first.lastIndexOf('/') + 1);
  if (SFTP.has(name)) return { kind: 'sftp', name, words: rest };
  if (name === 'scp' && rest.some((word) => /^-[a-zA-Z]*[tf]/.test(word))) return { kind: 'scp', name, words: rest };
  if (name === 'rsync' && rest[0] === '--server') return { kind: 'rsync', name, words: rest };
  if (GIT.has(name)) return { kind: 'git', name, words: rest };
  if (name === 'git' && GIT.has(`git-${rest[0]}`)) return { kind: 'git', name: `git-${rest[0]}`, words: rest.slice(1) };
  return null;
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

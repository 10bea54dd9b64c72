import { pathPatterns } from '../../access/scopes/path-patterns.ts';
import type { Scope } from '../../access/scopes/scope.ts';

export type FileRights = NonNullable<Scope['files']>;

/** No path that a Linux target opens is longer (PATH_MAX), nor a name in one (NAME_MAX); matching takes time that grows with them. */
const PATH_MAX = 4_096;
const NAME_MAX = 255;
const START_FOLDER = /^\/[^\0]*$/;

export type PathVerdict = { readonly allowed: true } | { readonly allowed: false; readonly why: string };

const ALLOWED: PathVerdict = { allowed: true };
const refused = (why: string): PathVerdict => ({ allowed: false, why });

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decides whether a path is within a scope's patterns, by its string: what a symlink on the target makes of it is not seen. */
export class SftpPaths {
  readonly #matches: ((path: string) => boolean) | null;
  /** Where relative paths start, once the target has said it. */
  #start: string | null = null;

  constructor(patterns: readonly string[]) {
    this.#matches = patterns.length === 0 ? null : pathPatterns(patterns).isWithin;
  }

  get areBounded(): boolean {
    return this.#matches !== null;
  }

  /** The target's answer to where "." is. */
  startsIn(folder: Buffer): void {
    const path = decode(folder);
    if (path !== null && START_FOLDER.test(path)) this.#start = path;
  }

  check(bytes: Buffer): PathVerdict {
    if (!this.#matches) return ALLOWED;
    if (bytes.length > PATH_MAX) return refused('the path is too long');
    const path = decode(bytes);
    if (path === null || path.includes('\0')) return refused('the path is not plain UTF-8');
    // Some servers take it for a home folder, as a shell does.
    if (path.startsWith('~')) return refused('a path that begins with "~"; write it in full');
    const absolute = path.startsWith('/') ? path : this.#fromStart(path);
    if (absolute === null) return refused('a relative path, and the target has not reported where it starts');
    const parts = absolute.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.some((part) => part.length > NAME_MAX)) return refused('the path is too long');
    // Behind a symlink, ".." is not where its string says.
    if (parts.includes('..')) return refused('a path with ".."; write it without');
    return this.#matches(`/${parts.join('/')}`) ? ALLOWED : refused('a path outside the scope');
  }

  /** What a symlink may hold: with a relative path, moving the link would move where it leads. */
  checkLink(bytes: Buffer): PathVerdict {
    if (this.#matches && bytes[0] !== 0x2f) return refused('a symlink to a relative path');
    return this.check(bytes);
  }

  #fromStart(path: string): string | null {
    return this.#start === null ? null : `${this.#start}/${path}`;
  }
}

function decode(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

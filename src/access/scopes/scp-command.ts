import { splitCommand } from './command-words.ts';
import { pathPatterns, plainPath } from './path-patterns.ts';
import type { Scope } from './scope.ts';

/** The server half of scp's old protocol: `scp [-v] [-r] [-p] [-d] (-t|-f) [--] path`. */
export type ScpCommand = {
  /** `-f` reads what the path names, `-t` writes there. */
  readonly direction: 'read' | 'write';
  readonly isRecursive: boolean;
  readonly path: string;
  /** The target's shell makes names of files of the path. */
  readonly hasPattern: boolean;
};

export function readScp(command: string): ScpCommand | null {
  const split = splitCommand(command, { patterns: true });
  if (!split.ok) return null;
  const [program, ...rest] = split.words;
  const path = rest.pop();
  if (program?.text !== 'scp' || program.hasPattern || !path) return null;
  if (rest.at(-1)?.text === '--') rest.pop();
  // What a pattern finds must not be read as an option.
  else if (path.text.startsWith('-') || (path.hasPattern && !/^[/.~A-Za-z0-9_]/.test(path.text))) return null;
  if (rest.some((word) => word.hasPattern || !/^-[vrpdtf]+$/.test(word.text))) return null;
  const options = new Set(rest.flatMap((word) => [...word.text.slice(1)]));
  if (options.has('t') === options.has('f')) return null;
  return {
    direction: options.has('f') ? 'read' : 'write',
    isRecursive: options.has('r'),
    path: path.text,
    hasPattern: path.hasPattern,
  };
}

/** Null where the scope lets it through, otherwise why not. */
export function whyNotScp(files: NonNullable<Scope['files']>, scp: ScpCommand): string | null {
  if (scp.direction === 'write' && files.rights !== 'read-write') return 'for writing';
  if (files.paths.length === 0) return null;
  const patterns = pathPatterns(files.paths);
  // Only the target's shell knows what these become, and where a relative path begins.
  const path = scp.hasPattern ? null : plainPath(scp.path);
  if (path === null) return 'with a path that is relative or has "..", wildcards or ~';
  // What is written to may be a folder, and the sender then names the file.
  const isWhole = scp.direction === 'write' || scp.isRecursive;
  if (isWhole ? patterns.isWithinWhole(path) : patterns.isWithin(path)) return null;
  return `with the path ${path.slice(0, PATH_SHOWN)}`;
}

const PATH_SHOWN = 80;

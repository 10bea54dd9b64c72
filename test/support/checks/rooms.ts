import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix } from 'node:path';

/** Who may import whom: the table in docs/architecture.md, held against every import in src/. */

type Allowed = {
  /** `access/` is a folder with all that is in it, `use-cases/*.ts` the files of one folder, anything else one file. */
  readonly place: string;
  readonly typesOnly: boolean;
};
export type Room = {
  /** Below src/, ending in a slash; empty for src/ itself. */
  readonly path: string;
  readonly imports: readonly Allowed[];
  /** Names of packages and of Node.js modules; `node:*` stands for all of these. */
  readonly libraries: readonly string[];
};
export type SourceFile = {
  /** Below src/. */
  readonly path: string;
  readonly text: string;
};
type Import = { readonly specifier: string; readonly typesOnly: boolean; readonly line: number };

const ROW = /^\| `src\/([^`]*)` \|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|$/gm;
const ALLOWED = /`([^`]+)`( \(types\))?/g;
const STATEMENT = /^(?:import|export)\b(?:(\s+type)\b)?(?:[^'";]*?\bfrom\b)?\s*'([^']+)';/gm;
const CALL = /\b(?:import|require|require\.resolve)\(\s*'([^']+)'\s*\)/g;

export function readRooms(page: string): Room[] {
  return [...page.matchAll(ROW)].map(([, path = '', imports = '', libraries = '']) => ({
    path,
    imports: [...imports.matchAll(ALLOWED)].map(([, place = '', types]) => ({ place, typesOnly: types !== undefined })),
    libraries: [...libraries.matchAll(ALLOWED)].map(([, name = '']) => name),
  }));
}

/** One sentence for each import that the table does not allow, and for each file without a room. */
export function importFaults(rooms: readonly Room[], files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const room = rooms.find(({ path }) => path === folderOf(file.path));
    if (!room) return [`src/${file.path}: its folder is not in the table`];
    return importsOf(file.text)
      .filter((each) => !isAllowed(room, file.path, each))
      .map(({ specifier, typesOnly, line }) => {
        const what = typesOnly ? 'types of ' : '';
        return `src/${file.path}:${line}: src/${room.path} may not import ${what}${specifier}`;
      });
  });
}

function importsOf(text: string): Import[] {
  const found = (match: RegExpMatchArray, specifier: string, typesOnly: boolean): Import => ({
    specifier,
    typesOnly,
    line: text.slice(0, match.index).split('\n').length,
  });
  return [
    ...[...text.matchAll(STATEMENT)].map((match) => found(match, match[2] ?? '', match[1] !== undefined)),
    ...[...text.matchAll(CALL)].map((match) => found(match, match[1] ?? '', false)),
  ];
}

function isAllowed(room: Room, from: string, { specifier, typesOnly }: Import): boolean {
  if (!specifier.startsWith('.')) return room.libraries.some((name) => isLibrary(specifier, name));
  const to = posix.join(posix.dirname(from), specifier);
  if (folderOf(to) === room.path) return true;
  return room.imports.some((allowed) => isIn(to, allowed.place) && (typesOnly || !allowed.typesOnly));
}

const isLibrary = (specifier: string, name: string): boolean =>
  specifier === name ||
  specifier.startsWith(`${name}/`) ||
  (name === 'node:*' && builtinModules.includes(specifier.replace(/^node:/, '')));

function isIn(path: string, place: string): boolean {
  if (place.endsWith('/*.ts')) return folderOf(path) === place.slice(0, -'*.ts'.length);
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}

const folderOf = (path: string): string => {
  const folder = posix.dirname(path);
  return folder === '.' ? '' : `${folder}/`;
};

export function sourceFiles(root: URL): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));
}

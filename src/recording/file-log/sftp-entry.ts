import type { Request, RequestKind } from '../../sftpwire/wire.ts';
import { flagNames } from './open-file.ts';
import { asPath, asTarget, type FileOperation, type OperationName, type ShownPath, showPath } from './operation.ts';

/** What will be logged of a request, once it is answered. */
export type Entry = Omit<FileOperation, 'result' | 'status' | 'endedMicros'>;

const EXTENSION_SHOWN = 64;
const NOWHERE = { text: '?', hex: undefined };

/** What a request changes, by name in the log; the others only look, or work on an open file. */
const CHANGES: { readonly [Kind in RequestKind]?: OperationName } = {
  remove: 'remove',
  mkdir: 'mkdir',
  rmdir: 'rmdir',
  rename: 'rename',
  symlink: 'symlink',
  hardlink: 'hardlink',
  setstat: 'attributes',
  lsetstat: 'attributes',
  fsetstat: 'attributes',
  'copy-data': 'copy',
  unknown: 'warning',
};

/** Null for what only looks, or works on an open file. `handlePath` is what the handles of the request were opened as. */
export function entryOf(
  { kind, paths, numbers, attributes, extension }: Request,
  startedMicros: number,
  handlePath: (which: number) => ShownPath | null,
): Entry | null {
  const first = paths[0] && showPath(paths[0]);
  const second = paths[1] && showPath(paths[1]);
  const frame = { protocol: 'sftp', startedMicros } as const;
  if (kind === 'open' && first) {
    const mode = attributes?.mode ?? null;
    const flags = flagNames(numbers[0] ?? 0);
    return { ...frame, operation: 'file', ...asPath(first), flags, ...(mode === null ? {} : { mode }) };
  }
  if (kind === 'opendir' && first) return { ...frame, operation: 'list', ...asPath(first) };
  const operation = CHANGES[kind];
  if (!operation) return null;
  if (kind === 'unknown') {
    const name = showPath(Buffer.from((extension ?? '').slice(0, EXTENSION_SHOWN), 'latin1'));
    return { ...frame, operation, path: '', why: `an extension that is not known: ${name.text}` };
  }
  // OpenSSH's server takes what a symlink holds first, and its own path second.
  if (kind === 'symlink' && first && second) return { ...frame, operation, ...asPath(second), ...asTarget(first) };
  if (kind === 'copy-data') {
    return { ...frame, operation, ...asPath(handlePath(0) ?? NOWHERE), ...asTarget(handlePath(1) ?? NOWHERE) };
  }
  return {
    ...frame,
    operation,
    ...asPath(first ?? handlePath(0) ?? NOWHERE),
    ...(second ? asTarget(second) : {}),
    ...(attributes ? setAttributes(attributes) : {}),
  };
}

/** How much memory it takes while it waits. */
export const costOf = (entry: Pick<Entry, 'path' | 'pathHex' | 'target' | 'targetHex'>): number =>
  200 + entry.path.length + (entry.pathHex?.length ?? 0) + (entry.target?.length ?? 0) + (entry.targetHex?.length ?? 0);

const setAttributes = (
  attributes: NonNullable<Request['attributes']>,
): Pick<FileOperation, 'flags' | 'mode' | 'size'> => ({
  flags: [...attributes.flags],
  ...(attributes.mode === null ? {} : { mode: attributes.mode }),
  ...(attributes.size === null ? {} : { size: attributes.size }),
});

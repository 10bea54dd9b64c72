import type { Coverage, FileCounts } from '../../access/session.ts';
import { asPath, type OnOperation, showPath } from './operation.ts';
import { parseWords, programOf } from './words.ts';

/** rsync and git: which way and which paths, from the command line; of their content only how much passed. */
export class OpaqueTransfer {
  readonly #kind: 'rsync' | 'git';
  readonly #command: string;
  readonly #onOperation: OnOperation;
  #fromClient = 0;
  #fromTarget = 0;
  #startedMicros: number | null = null;

  constructor(kind: 'rsync' | 'git', command: string, onOperation: OnOperation) {
    this.#kind = kind;
    this.#command = command;
    this.#onOperation = onOperation;
  }

  fromClient(bytes: Buffer, micros: number): void {
    this.#startedMicros ??= micros;
    this.#fromClient += bytes.length;
  }

  fromTarget(bytes: Buffer, micros: number): void {
    this.#startedMicros ??= micros;
    this.#fromTarget += bytes.length;
  }

  end(micros: number): { readonly counts: FileCounts; readonly coverage: Coverage; readonly label: string } {
    const { paths, flag } = this.#kind === 'rsync' ? rsyncPaths(this.#command) : gitPaths(this.#command);
    for (const path of paths.slice(0, PATHS_MAX)) {
      this.#onOperation({
        protocol: this.#kind,
        operation: 'transfer',
        ...asPath(showPath(Buffer.from(path, 'utf8'))),
        flags: [flag],
        result: 'ok',
        // What passed on the wire for all paths together: protocol and content cannot be told apart.
        bytesRead: this.#fromTarget,
        bytesWritten: this.#fromClient,
        why: `${this.#kind}'s protocol is not read: its bytes are counted for the whole channel`,
        startedMicros: this.#startedMicros ?? micros,
        endedMicros: micros,
      });
    }
    const counts = { read: 0, written: 0, changed: 0, refused: 0, hashed: 0 };
    return { counts, coverage: 'opaque', label: this.#kind };
  }
}

const PATHS_MAX = 64;

type Transfer = { readonly paths: readonly string[]; readonly flag: 'read' | 'write' };

/** `rsync --server [--sender] -flags… . path…`: the first plain word is always a dot. */
function rsyncPaths(command: string): Transfer {
  const words = programOf(parseWords(command) ?? [])?.words ?? [];
  const dot = words.indexOf('.');
  const paths = dot === -1 ? [] : words.slice(dot + 1);
  return { paths: paths.length > 0 ? paths : ['?'], flag: words.includes('--sender') ? 'read' : 'write' };
}

function gitPaths(command: string): Transfer {
  const program = programOf(parseWords(command) ?? []);
  const path = program?.words.filter((word) => !word.startsWith('-')).at(-1) ?? '?';
  return { paths: [path], flag: program?.name === 'git-receive-pack' ? 'write' : 'read' };
}

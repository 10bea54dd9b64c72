import type { FileCounts } from '../../access/session.ts';
import { SftpPackets } from '../../sftpwire/packets.ts';
import {
  Fields,
  FX,
  FXP,
  FXP_REPLY,
  type Request,
  type RequestKind,
  readRequest,
  SFTP_VERSION,
  statusName,
} from '../../sftpwire/wire.ts';
import type { Waiting } from './content-digest.ts';
import type { Followed, FollowedHost, Side } from './observe.ts';
import { OpenFile } from './open-file.ts';
import type { FileOperation } from './operation.ts';
import { costOf, type Entry, entryOf } from './sftp-entry.ts';
import { type Pending, PendingRequests } from './sftp-pending.ts';
import { isPlainStatus } from './sftp-status.ts';

/** Where a scope is held inside the protocol, the gateway lets less through than each of these: nobody can make the log lose its way. */
const PENDING_MAX = 32_768;
const HANDLES_MAX = 1_024;
/** Of paths that are kept while requests wait and files are open. */
const PATHS_MAX = 48 * 1024 * 1024;
/** Longer than all that is not kept, READ and WRITE up to their content: of a packet that goes beyond, what has come is kept. */
const HELD_MAX = 512;

type Host = Pick<FollowedHost, 'onOperation' | 'keep' | 'skip'>;

/**
 * Reads SFTP on the side and logs what is done; once it cannot follow, it says so and logs nothing more. Kept is all that passes but
 * the content of open files, with what asks for it and the plain answers to that: those are what the log accounts for.
 */
export class SftpLog implements Followed {
  readonly label = 'sftp';
  readonly #host: Host;
  readonly #client: SftpPackets;
  readonly #target: SftpPackets;
  readonly #pending = new PendingRequests();
  readonly #files = new Map<string, OpenFile>();
  readonly #waiting: Waiting = { bytes: 0 };
  readonly #counts = { read: 0, written: 0, changed: 0, refused: 0, hashed: 0 };
  #paths = 0;
  #micros = 0;
  #stage: 'start' | 'greeted' | 'open' | 'lost' = 'start';
  /** What of the packet that is held is kept already. */
  readonly #kept = { client: 0, target: 0 };
  /** Whose content is passing: the file, and where the next byte belongs. */
  #writing: { readonly file: OpenFile | null; offset: number } = { file: null, offset: 0 };
  #reading: { readonly file: OpenFile | null; offset: number } = { file: null, offset: 0 };

  constructor(host: Host) {
    this.#host = host;
    this.#client = new SftpPackets('client', {
      packet: (head) => this.#account('client', head, this.#request(head)),
      content: (bytes) => {
        this.#writing.file?.write(this.#writing.offset, bytes);
        this.#writing.offset += bytes.length;
        this.#host.skip('client', bytes.length, this.#micros);
      },
      contentEnd: () => {},
      malformed: (why) => this.#lose(`the client sent no SFTP: ${why}`),
    });
    this.#target = new SftpPackets('target', {
      packet: (head) => this.#account('target', head, this.#reply(head)),
      content: (bytes) => {
        this.#reading.file?.read(this.#reading.offset, bytes);
        this.#reading.offset += bytes.length;
        this.#host.skip('target', bytes.length, this.#micros);
      },
      contentEnd: () => {},
      malformed: (why) => this.#lose(`the target sent no SFTP: ${why}`),
    });
  }

  take(from: Side, bytes: Buffer, micros: number): number {
    this.#micros = micros;
    const packets = this.#packets(from);
    const taken = packets.push(bytes);
    if (packets.heldLength > HELD_MAX && this.#stage !== 'lost') {
      this.#keep(from, this.held(from));
      this.#kept[from] = packets.heldLength;
    }
    return taken;
  }

  get isLost(): boolean {
    return this.#stage === 'lost';
  }

  held(from: Side): Buffer {
    return this.#packets(from).held.subarray(this.#kept[from]);
  }

  #keep(from: Side, bytes: Buffer): void {
    this.#host.keep(from, bytes, this.#micros);
  }

  /** The packet that was just read says nothing that is not in the log, or it is kept. */
  #account(from: Side, head: Buffer, isLogged: boolean): void {
    if (this.#stage === 'lost') return;
    const kept = this.#kept[from];
    this.#kept[from] = 0;
    if (isLogged) this.#host.skip(from, 4 + head.length - kept, this.#micros);
    else this.#keep(from, this.#packets(from).whole.subarray(kept));
  }

  #packets(from: Side): SftpPackets {
    return from === 'client' ? this.#client : this.#target;
  }

  end(micros: number): FileCounts {
    this.#micros = micros;
    this.#leaveOpen('the channel ended before it was closed');
    return { ...this.#counts };
  }

  // The client's side.

  /** Whether the log accounts for all that it says. */
  #request(head: Buffer): boolean {
    if (this.#stage === 'lost') return false;
    if (this.#stage === 'start') {
      if (head[0] !== FXP.INIT) return this.#lose('the client did not begin with its version');
      this.#stage = 'greeted';
      return false;
    }
    const request = readRequest(head);
    if (!request) return this.#lose('the client sent a request that cannot be read');
    const file = this.#fileOf(request, 0);
    const pending = this.#pendingOf(request, file);
    this.#paths += pending.cost;
    if (this.#pending.length >= PENDING_MAX || this.#paths > PATHS_MAX)
      return this.#lose('too many requests wait for an answer');
    this.#pending.add(request.id, pending);
    if (request.kind === 'copy-data') this.#fileOf(request, 1)?.spoilWritten('content was copied into it');
    if (request.kind === 'read') return file?.hasContent === true;
    if (request.kind !== 'write') return false;
    if (!file?.hasContent) return this.#lose('the client sent content of a file that is not open');
    this.#writing = { file, offset: pending.offset };
    return true;
  }

  #fileOf(request: Request, which: number): OpenFile | null {
    const handle = request.handles[which];
    return handle ? (this.#files.get(handle.toString('latin1')) ?? null) : null;
  }

  #pendingOf(request: Request, file: OpenFile | null): Pending {
    const { kind, numbers, handles, attributes } = request;
    const entry = entryOf(request, this.#micros, (which) => this.#fileOf(request, which)?.opening.path ?? null);
    return {
      kind,
      file,
      offset: numbers[0] ?? 0,
      length: kind === 'fsetstat' ? (attributes?.size ?? -1) : (numbers[1] ?? 0),
      handle: kind === 'close' ? (handles[0]?.toString('latin1') ?? null) : null,
      writtenTo: kind === 'fsetstat' ? (file?.writtenTo ?? 0) : 0,
      entry,
      cost: entry === null ? 0 : costOf(entry),
    };
  }

  // The target's side.

  /** Whether the log accounts for all that it says. */
  #reply(head: Buffer): boolean {
    if (this.#stage === 'lost') return false;
    const fields = new Fields(head, 1);
    const id = fields.uint32();
    if (head[0] === FXP_REPLY.DATA) return this.#data(id, fields.uint32());
    if (this.#stage === 'greeted') {
      if (head[0] !== FXP.VERSION) return this.#lose('the target did not begin with its version');
      if (id !== SFTP_VERSION) return this.#lose(`the target speaks version ${id} of SFTP`);
      this.#stage = 'open';
      return false;
    }
    const pending = this.#take(id);
    if (!pending) return this.#lose('the target answered a request that was not made');
    if (head[0] === FXP_REPLY.STATUS) return this.#answered(pending, fields, head);
    if (head[0] === FXP_REPLY.HANDLE) return this.#opened(pending, fields.handle(), fields.ok);
    if (head[0] === FXP_REPLY.NAME) {
      if (pending.kind === 'readdir') pending.file?.listed();
      return this.#expect(pending, NAMED);
    }
    if (head[0] === FXP_REPLY.ATTRS) {
      const { size } = fields.attributes();
      if (pending.kind === 'fstat' && size !== null) pending.file?.ended(size);
      return this.#expect(pending, DESCRIBED);
    }
    if (head[0] !== FXP_REPLY.EXTENDED_REPLY) return this.#lose('the target sent an answer of an unknown kind');
    if (pending.entry) this.#log(pending.entry, FX.OK);
    return this.#expect(pending, EXTENDED);
  }

  #take(id: number): Pending | null {
    const pending = this.#pending.take(id);
    this.#paths -= pending?.cost ?? 0;
    return pending;
  }

  #expect(pending: Pending, kinds: ReadonlySet<RequestKind>): false {
    return kinds.has(pending.kind) ? false : this.#lose(`the target's answer does not fit the request`);
  }

  #data(id: number, length: number): boolean {
    const pending = this.#take(id);
    if (pending?.kind !== 'read' || !pending.file?.hasContent || length > pending.length) {
      return this.#lose('the target sent content that was not asked for');
    }
    this.#reading = { file: pending.file, offset: pending.offset };
    return true;
  }

  #opened(pending: Pending, bytes: Buffer, isWhole: boolean): false {
    const { entry } = pending;
    if (!isWhole || !entry || (pending.kind !== 'open' && pending.kind !== 'opendir')) {
      return this.#lose(`the target's answer does not fit the request`);
    }
    const handle = bytes.toString('latin1');
    if (this.#files.has(handle)) return this.#lose('the target gave the same handle twice');
    if (this.#files.size >= HANDLES_MAX) return this.#lose('too many files are open');
    this.#paths += pending.cost;
    const flags = pending.kind === 'open' ? pending.offset : null;
    const path = { text: entry.path, hex: entry.pathHex };
    const opening = { path, flags, mode: entry.mode ?? null, micros: entry.startedMicros };
    this.#files.set(handle, new OpenFile(opening, this.#waiting));
    return false;
  }

  #answered(pending: Pending, fields: Fields, head: Buffer): boolean {
    const code = fields.uint32();
    if (!fields.ok) return this.#lose('the target sent a status that cannot be read');
    const { kind, file } = pending;
    if (kind === 'close') return this.#closed(pending, code);
    if (kind === 'read' && code === FX.EOF) file?.ended(pending.offset);
    if (kind === 'write' && code !== FX.OK) file?.spoilWritten('a part of it could not be written');
    if (kind === 'readdir' && code === FX.EOF) file?.listed();
    if (kind === 'fsetstat' && code === FX.OK && pending.length >= 0) file?.resized(pending.length, pending.writtenTo);
    if ((kind === 'open' || kind === 'opendir') && code === FX.OK)
      return this.#lose(`the target's answer does not fit the request`);
    if (pending.entry) this.#log(pending.entry, code, kind === 'fsetstat' && file?.isForWriting === true);
    return (kind === 'read' || kind === 'write') && file?.hasContent === true && isPlainStatus(head, kind, code);
  }

  #closed(pending: Pending, code: number): false {
    if (pending.handle === null || !pending.file) return false;
    if (this.#files.get(pending.handle) !== pending.file) return false;
    this.#files.delete(pending.handle);
    const entry = pending.file.entry(code === FX.OK ? 'ok' : 'failed', statusName(code), this.#micros, null);
    this.#forget(entry);
    this.#logFile(pending.file, entry);
    return false;
  }

  #forget(entry: FileOperation): void {
    this.#paths -= costOf(entry);
  }

  // The log.

  #log(entry: Entry, code: number, isPartOfWriting = false): void {
    const result = code === FX.OK ? 'ok' : code === FX.PERMISSION_DENIED ? 'refused' : 'failed';
    if (result === 'refused') this.#counts.refused += 1;
    // A file's times and size, set before it is closed, belong to its writing.
    if (result === 'ok' && entry.operation !== 'warning' && !isPartOfWriting) this.#counts.changed += 1;
    this.#host.onOperation({ ...entry, result, status: statusName(code), endedMicros: this.#micros });
  }

  #logFile(file: OpenFile, entry: FileOperation): void {
    const { isRead, isWritten } = file.counts;
    if (isRead) this.#counts.read += 1;
    if (isWritten) this.#counts.written += 1;
    if (entry.readSha256 !== undefined || entry.writtenSha256 !== undefined) this.#counts.hashed += 1;
    this.#host.onOperation(entry);
  }

  #leaveOpen(why: string): void {
    for (const file of this.#files.values()) {
      this.#logFile(file, file.entry('unanswered', 'still open', this.#micros, why));
    }
    for (const { entry } of this.#pending.all) {
      if (entry) this.#host.onOperation({ ...entry, result: 'unanswered', endedMicros: this.#micros });
    }
    this.#files.clear();
    this.#pending.clear();
  }

  #lose(why: string): false {
    if (this.#stage === 'lost') return false;
    this.#leaveOpen('the protocol could not be followed to its end');
    this.#stage = 'lost';
    this.#client.stop();
    this.#target.stop();
    this.#writing = { file: null, offset: 0 };
    this.#reading = { file: null, offset: 0 };
    const startedMicros = this.#micros;
    const frame = { path: '', result: 'failed', startedMicros, endedMicros: startedMicros } as const;
    this.#host.onOperation({ protocol: 'sftp', operation: 'unparsed', ...frame, why: `unparsed from here: ${why}` });
    return false;
  }
}

const NAMED = new Set<RequestKind>(['readdir', 'realpath', 'readlink', 'expand-path', 'home-directory']);
const DESCRIBED = new Set<RequestKind>(['stat', 'lstat', 'fstat']);
const EXTENDED = new Set<RequestKind>([
  'statvfs',
  'fstatvfs',
  'limits',
  'home-directory',
  'users-groups-by-id',
  'unknown',
]);

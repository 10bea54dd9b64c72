/** Packets of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), with OpenSSH's extensions (its PROTOCOL, §4). */

/** OpenSSH's SFTP_MAX_MSG_LENGTH; its server and its client end where a packet is longer. */
export const SFTP_PACKET_MAX = 256 * 1024;
/** draft §6.3: "the length of a handle string MUST NOT exceed 256 data bytes". */
const HANDLE_MAX = 256;

export const SFTP_VERSION = 3;

/** Packet types of §3 that the code names. */
export const FXP = { INIT: 1, VERSION: 2, READ: 5, WRITE: 6, REALPATH: 16, EXTENDED: 200 } as const;
export const FXP_REPLY = { STATUS: 101, HANDLE: 102, DATA: 103, NAME: 104, ATTRS: 105, EXTENDED_REPLY: 201 } as const;

/** §7. */
export const FX = { OK: 0, EOF: 1, PERMISSION_DENIED: 3, FAILURE: 4, OP_UNSUPPORTED: 8 } as const;

const STATUS_NAMES = [
  'ok',
  'end of file',
  'no such file',
  'permission denied',
  'failure',
  'bad message',
  'no connection',
  'connection lost',
  'not supported',
];

export const statusName = (code: number): string => STATUS_NAMES[code] ?? `status ${code}`;

/** §6.3. */
export const FXF = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

/** §5: file attributes, of which the flags say what is there. */
export type Attributes = {
  readonly size: number | null;
  readonly mode: number | null;
  readonly flags: readonly string[];
};

const ATTR = { SIZE: 1, UIDGID: 2, PERMISSIONS: 4, ACMODTIME: 8, EXTENDED: 0x8000_0000 } as const;
const EXTENDED_ATTRIBUTES_MAX = 64;

/** A cursor that never throws: once the bytes do not fit, `ok` is false and what it gives means nothing. */
export class Fields {
  readonly #bytes: Buffer;
  #at: number;
  ok = true;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isDone(): boolean {
    return this.ok && this.#at === this.#bytes.length;
  }

  uint32(): number {
    if (this.#at + 4 > this.#bytes.length) return this.#fail(0);
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  /** What a double holds exactly; files are not larger. */
  uint64(): number {
    const high = this.uint32();
    const low = this.uint32();
    return high < 2 ** 21 ? high * 2 ** 32 + low : this.#fail(0);
  }

  string(max = SFTP_PACKET_MAX): Buffer {
    const length = this.uint32();
    if (!this.ok || length > max || this.#at + length > this.#bytes.length) return this.#fail(EMPTY);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  handle(): Buffer {
    return this.string(HANDLE_MAX);
  }

  attributes(): Attributes {
    const bits = this.uint32();
    const flags: string[] = [];
    let size: number | null = null;
    let mode: number | null = null;
    if (bits & ATTR.SIZE) {
      flags.push('size');
      size = this.uint64();
    }
    if (bits & ATTR.UIDGID) {
      flags.push('owner');
      this.uint32();
      this.uint32();
    }
    if (bits & ATTR.PERMISSIONS) {
      flags.push('mode');
      mode = this.uint32();
    }
    if (bits & ATTR.ACMODTIME) {
      flags.push('times');
      this.uint32();
      this.uint32();
    }
    if (bits & ATTR.EXTENDED) {
      flags.push('extended');
      const count = this.uint32();
      if (count > EXTENDED_ATTRIBUTES_MAX) this.#fail(0);
      for (let left = this.ok ? count : 0; left > 0 && this.ok; left -= 1) {
        this.string();
        this.string();
      }
    }
    return { size, mode, flags };
  }

  #fail<T>(value: T): T {
    this.ok = false;
    return value;
  }
}

const EMPTY = Buffer.alloc(0);

export type RequestKind =
  | 'open'
  | 'close'
  | 'read'
  | 'write'
  | 'lstat'
  | 'fstat'
  | 'setstat'
  | 'fsetstat'
  | 'opendir'
  | 'readdir'
  | 'remove'
  | 'mkdir'
  | 'rmdir'
  | 'realpath'
  | 'stat'
  | 'rename'
  | 'readlink'
  | 'symlink'
  | 'statvfs'
  | 'fstatvfs'
  | 'hardlink'
  | 'fsync'
  | 'lsetstat'
  | 'limits'
  | 'expand-path'
  | 'copy-data'
  | 'home-directory'
  | 'users-groups-by-id'
  | 'unknown';

/** Fields behind the id: p path, h handle, a attributes, n uint32, q uint64, s another string, * whatever follows. */
type Layout = { readonly kind: RequestKind; readonly fields: string };

const layout = (kind: RequestKind, fields: string): Layout => ({ kind, fields });

const REQUESTS = new Map<number, Layout>([
  [3, layout('open', 'pna')],
  [4, layout('close', 'h')],
  [5, layout('read', 'hqn')],
  // Its content is not here: packets are cut before it.
  [6, layout('write', 'hqn')],
  [7, layout('lstat', 'p')],
  [8, layout('fstat', 'h')],
  [9, layout('setstat', 'pa')],
  [10, layout('fsetstat', 'ha')],
  [11, layout('opendir', 'p')],
  [12, layout('readdir', 'h')],
  [13, layout('remove', 'p')],
  [14, layout('mkdir', 'pa')],
  [15, layout('rmdir', 'p')],
  [16, layout('realpath', 'p')],
  [17, layout('stat', 'p')],
  [18, layout('rename', 'pp')],
  [19, layout('readlink', 'p')],
  [20, layout('symlink', 'pp')],
]);

const EXTENSIONS = new Map<string, Layout>([
  ['posix-rename@openssh.com', layout('rename', 'pp')],
  ['statvfs@openssh.com', layout('statvfs', 'p')],
  ['fstatvfs@openssh.com', layout('fstatvfs', 'h')],
  ['hardlink@openssh.com', layout('hardlink', 'pp')],
  ['fsync@openssh.com', layout('fsync', 'h')],
  ['lsetstat@openssh.com', layout('lsetstat', 'pa')],
  ['limits@openssh.com', layout('limits', '')],
  ['expand-path@openssh.com', layout('expand-path', 'p')],
  ['copy-data', layout('copy-data', 'hqqhq')],
  ['home-directory', layout('home-directory', 's')],
  ['users-groups-by-id@openssh.com', layout('users-groups-by-id', 'ss')],
]);

const UNKNOWN = layout('unknown', '*');

export type Request = {
  readonly kind: RequestKind;
  readonly id: number;
  readonly paths: readonly Buffer[];
  readonly handles: readonly Buffer[];
  readonly numbers: readonly number[];
  readonly attributes: Attributes | null;
  /** Of an extension. */
  readonly extension: string | null;
};

/** A request, from its type on; null where it is none, or has too little or too much in it. Its buffers are views. */
export function readRequest(packet: Buffer): Request | null {
  const type = packet[0];
  const fields = new Fields(packet, 1);
  const id = fields.uint32();
  const extension = type === FXP.EXTENDED ? fields.string().toString('latin1') : null;
  const known = extension === null ? REQUESTS.get(type ?? 0) : (EXTENSIONS.get(extension) ?? UNKNOWN);
  if (!known) return null;
  const paths: Buffer[] = [];
  const handles: Buffer[] = [];
  const numbers: number[] = [];
  let attributes: Attributes | null = null;
  for (const field of known.fields) {
    if (field === 'p') paths.push(fields.string());
    else if (field === 'h') handles.push(fields.handle());
    else if (field === 'n') numbers.push(fields.uint32());
    else if (field === 'q') numbers.push(fields.uint64());
    else if (field === 'a') attributes = fields.attributes();
    else if (field === 's') fields.string();
  }
  const isWhole = known.fields === '*' ? fields.ok : fields.isDone;
  return isWhole ? { kind: known.kind, id, paths, handles, numbers, attributes, extension } : null;
}

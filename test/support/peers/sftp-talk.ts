import fc from 'fast-check';

/** SFTP version 3 as a client and a server would speak it (draft-ietf-secsh-filexfer-02), made up. */

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const uint64 = (value: number): Buffer => Buffer.concat([uint32(0), uint32(value)]);
export const text = (value: Buffer | string): Buffer => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
};
export const packet = (type: number, ...fields: Buffer[]): Buffer =>
  text(Buffer.concat([Buffer.from([type]), ...fields]));

export const INIT = packet(1, uint32(3));
export const VERSION = packet(2, uint32(3), text('posix-rename@openssh.com'), text('1'));
const NO_ATTRIBUTES = uint32(0);
/** What the gateway asks of its own accord where paths are bounded: where relative ones start. */
export const ASK_FOR_START = packet(16, uint32(0xffff_ffff), text('.'));
export const startsIn = (folder: string): Buffer =>
  packet(104, uint32(0xffff_ffff), uint32(1), text(folder), text(folder), NO_ATTRIBUTES);
const MODE = Buffer.concat([uint32(4), uint32(0o600)]);

export type Asked = {
  readonly name: string;
  readonly bytes: (id: number) => Buffer;
  /** Whether the request changes something, whatever the scope calls it. */
  readonly writes: boolean;
  readonly paths: readonly Buffer[];
};

const asked = (name: string, writes: boolean, paths: readonly Buffer[], bytes: Asked['bytes']): Asked => ({
  ...{ name, writes, paths, bytes },
});

const extended = (name: string, writes: boolean, paths: readonly Buffer[], ...fields: Buffer[]): Asked =>
  asked(name, writes, paths, (id) => packet(200, uint32(id), text(name), ...fields));

/** Any request of the protocol and of OpenSSH's extensions to it, about these paths. */
export function anyRequest(paths: fc.Arbitrary<Buffer>): fc.Arbitrary<Asked> {
  const handle = fc.uint8Array({ maxLength: 256 }).map((bytes) => text(Buffer.from(bytes)));
  const content = fc.uint8Array({ maxLength: 3_000 }).map((bytes) => text(Buffer.from(bytes)));
  const onPath = (name: string, type: number, writes: boolean, ...more: Buffer[]) =>
    paths.map((path) => asked(name, writes, [path], (id) => packet(type, uint32(id), text(path), ...more)));
  const onHandle = (name: string, type: number, writes: boolean, ...more: Buffer[]) =>
    handle.map((on) => asked(name, writes, [], (id) => packet(type, uint32(id), on, ...more)));
  const onTwo = (name: string, make: (first: Buffer, second: Buffer) => Asked) =>
    fc.tuple(paths, paths).map(([first, second]) => ({ ...make(first, second), name }));
  return fc.oneof(
    fc
      .tuple(paths, fc.nat(63))
      .map(([path, flags]) =>
        asked('open', (flags & ~1) !== 0, [path], (id) =>
          packet(3, uint32(id), text(path), uint32(flags), NO_ATTRIBUTES),
        ),
      ),
    onHandle('close', 4, false),
    onHandle('read', 5, false, uint64(7), uint32(32_768)),
    fc
      .tuple(handle, content)
      .map(([on, bytes]) => asked('write', true, [], (id) => packet(6, uint32(id), on, uint64(0), bytes))),
    onPath('lstat', 7, false),
    onHandle('fstat', 8, false),
    onPath('setstat', 9, true, MODE),
    onHandle('fsetstat', 10, true, MODE),
    onPath('opendir', 11, false),
    onHandle('readdir', 12, false),
    onPath('remove', 13, true),
    onPath('mkdir', 14, true, NO_ATTRIBUTES),
    onPath('rmdir', 15, true),
    onPath('stat', 17, false),
    onPath('readlink', 19, false),
    paths.map((path) => asked('realpath', false, [], (id) => packet(16, uint32(id), text(path)))),
    onTwo('rename', (from, to) => asked('', true, [from, to], (id) => packet(18, uint32(id), text(from), text(to)))),
    onTwo('symlink', (from, to) => asked('', true, [from, to], (id) => packet(20, uint32(id), text(from), text(to)))),
    onTwo('posix-rename', (from, to) => extended('posix-rename@openssh.com', true, [from, to], text(from), text(to))),
    onTwo('hardlink', (from, to) => extended('hardlink@openssh.com', true, [from, to], text(from), text(to))),
    paths.map((path) => extended('statvfs@openssh.com', false, [path], text(path))),
    paths.map((path) => extended('lsetstat@openssh.com', true, [path], text(path), MODE)),
    handle.map((on) => extended('fsync@openssh.com', true, [], on)),
    handle.map((on) => extended('copy-data', true, [], on, uint64(0), uint64(0), on, uint64(0))),
    fc.constant(extended('limits@openssh.com', false, [])),
  );
}

/** What a server may answer with. */
export const anyReply: fc.Arbitrary<(id: number) => Buffer> = fc.oneof(
  fc.nat(8).map((code) => (id: number) => packet(101, uint32(id), uint32(code), text('words'), text('en'))),
  fc.constant((id: number) => packet(102, uint32(id), text('handle'))),
  fc.uint8Array({ maxLength: 5_000 }).map((bytes) => (id: number) => packet(103, uint32(id), text(Buffer.from(bytes)))),
  fc.constant((id: number) =>
    packet(104, uint32(id), uint32(2), text('a'), text('-rw a'), NO_ATTRIBUTES, text('b'), text('-rw b'), MODE),
  ),
  fc.constant((id: number) => packet(105, uint32(id), MODE)),
  fc.constant((id: number) => packet(201, uint32(id), uint64(1))),
);

/** The whole packets that a stream begins with, and how many bytes more it has. */
export function packetsOf(stream: Buffer): { readonly packets: Buffer[]; readonly rest: number } {
  const packets: Buffer[] = [];
  let at = 0;
  while (at + 4 <= stream.length && at + 4 + stream.readUInt32BE(at) <= stream.length) {
    const end = at + 4 + stream.readUInt32BE(at);
    packets.push(stream.subarray(at, end));
    at = end;
  }
  return { packets, rest: stream.length - at };
}

export const idOf = (whole: Buffer): number => whole.readUInt32BE(5);

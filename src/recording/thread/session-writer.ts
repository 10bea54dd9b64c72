import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../access/ids.ts';
import type { ChainEnd } from '../format/chain.ts';
import { FILES, replaceFile, sha256, syncFolder } from '../format/folder.ts';
import { CIPHER, FORMAT, FRAME, FRAME_HEADER_BYTES, NO_CHANNEL, slotOf } from '../format/format.ts';
import { type Manifest, manifestText } from '../format/manifest.ts';
import { wrapNewKey } from '../format/wrapped-key.ts';
import type { ChannelRecord, ChannelStart, Closing, Exit, Fact, Opening } from '../write/recorder-messages.ts';
import { ChannelWriter } from './channel-writer.ts';
import { Container } from './container.ts';

/** The writing side of one session's folder, in the thread. */
export class SessionWriter {
  readonly #folder: string;
  readonly #container: Container;
  readonly #manifest: Manifest;
  readonly #channels = new Map<number, ChannelWriter>();

  private constructor(folder: string, container: Container, manifest: Manifest) {
    this.#folder = folder;
    this.#container = container;
    this.#manifest = manifest;
  }

  /** Makes the folder, 0700; an existing one is refused. The wrapped key is on the disk before anything is encrypted with it. */
  static async begin(
    folder: string,
    opening: Opening,
    recipients: readonly string[],
    gathered: Buffer,
  ): Promise<SessionWriter> {
    await mkdir(folder, { mode: 0o700 });
    const { key, file } = await wrapNewKey(recipients);
    const { client, ...known } = opening;
    const keySha256 = sha256(file) as Digest;
    const nothing = { end: null, ending: null, refusals: 0, channels: [], chain: null };
    const manifest: Manifest = { format: FORMAT, state: 'live', ...known, ...nothing, keySha256 };
    const header = { session: opening.session, start: opening.start, cipher: CIPHER, keySha256 } as const;
    await writeNew(join(folder, FILES.key), file);
    const [container] = await Promise.all([
      Container.create(join(folder, FILES.container), header, key, gathered),
      writeNew(join(folder, FILES.manifest), Buffer.from(manifestText(manifest))),
    ]);
    await syncFolder(folder);
    const session = new SessionWriter(folder, container, manifest);
    const { login, target, via, person } = known;
    session.journal({ what: 'session', client, person, login, target, via }, 0);
    session.flush();
    return session;
  }

  get headAtStart(): string {
    return this.#container.headAtStart;
  }

  journal(fact: Fact, micros: number, channel = NO_CHANNEL): void {
    this.#container.add(FRAME.journal, channel, micros, Buffer.from(JSON.stringify(fact)));
  }

  channel(start: ChannelStart, micros: number, overrun: () => void): void {
    const { number, recordInput, mayLeaveOut: _mayLeaveOut, ...rest } = start;
    const slot = slotOf(number);
    if (this.#channels.has(slot)) throw new Error(`channel ${number} is recorded already`);
    const named = slot === number ? {} : { number };
    this.journal({ what: 'channel', ...named, ...rest, typed: start.terminal !== null && recordInput }, micros, slot);
    const keep = this.#container.add.bind(this.#container);
    this.#channels.set(slot, new ChannelWriter(start, (type, at, payload) => keep(type, slot, at, payload), overrun));
  }

  /** A frame as it came over: what passed in a channel, the new size of its terminal, or what was asked beside that. */
  take(frame: Buffer): void {
    const channel = this.#channels.get(frame.readUInt16BE(1));
    if (!channel) return;
    const micros = frame.readUInt16BE(3) * 0x1_0000_0000 + frame.readUInt32BE(5);
    const payload = frame.subarray(FRAME_HEADER_BYTES);
    switch (frame[0]) {
      case FRAME.stdout:
        channel.output('stdout', payload, micros);
        break;
      case FRAME.stderr:
        channel.output('stderr', payload, micros);
        break;
      case FRAME.input:
        channel.input(payload, micros);
        break;
      case FRAME.resize:
        channel.resize(payload, micros);
        break;
      case FRAME.journal:
        channel.note(payload, micros);
    }
  }

  finish(slot: number, micros: number, exit: Exit): ChannelRecord {
    const channel = this.#channels.get(slot);
    if (!channel) throw new Error(`channel ${slot} is not recorded`);
    this.#channels.delete(slot);
    const record = channel.finish(micros);
    this.journal({ what: 'end', exit, ...record }, micros, slot);
    return record;
  }

  /** Writes what has gathered; before another session of this thread has its turn. */
  flush(): void {
    this.#container.flush();
  }

  /** Whether `sync` has anything to do. */
  get isDirty(): boolean {
    return this.#container.isDirty;
  }

  /** Waits until the disk has what was flushed; once this has thrown, nothing more may be recorded here. */
  sync(): Promise<void> {
    return this.#container.sync();
  }

  async close({ end, ending, refusals, channels }: Closing, micros: number): Promise<ChainEnd> {
    try {
      this.journal({ what: 'over', ending }, micros);
      this.flush();
      const chain = this.#container.end;
      await this.#container.sync();
      const closed = { state: 'closed' as const, end: end.toISOString(), ending, refusals, channels };
      const manifest: Manifest = { ...this.#manifest, ...closed, chain: { ...chain, head: chain.head as Digest } };
      await replaceFile(this.#folder, FILES.manifest, manifestText(manifest));
      return chain;
    } finally {
      this.#container.close();
    }
  }

  /** Nothing more is written. */
  abandon(): void {
    this.#container.close();
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeNew(path: string, content: Buffer): Promise<void> {
  const file = await open(path, NEW_FILE, 0o600);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}

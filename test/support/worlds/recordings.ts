import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportedRecording } from '../../../src/access/session-report.ts';
import { createKeys, loadKeys } from '../../../src/ca/keys.ts';
import { recordingChecker, recordingSigner } from '../../../src/ca/recordings.ts';
import { LEDGER_FILE, Ledger } from '../../../src/recording/archive/ledger.ts';
import { sealRecording } from '../../../src/recording/archive/seal.ts';
import { testFolder } from '../checks/folder.ts';

export const sessionId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** Recordings as docs/recording-format.md describes them, made here from nothing, and a desk that seals them. */

export type Written = ReportedRecording & { readonly headAtStart: string; readonly offsets: readonly number[] };

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export function writeRecording(
  folder: string,
  session: string,
  options: {
    readonly chunks?: readonly Buffer[];
    readonly manifest?: object;
    readonly header?: object;
    /** The data key and its age file. */
    readonly wrapped?: { readonly key: Buffer; readonly file: Buffer };
  } = {},
): Written {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key =
    options.wrapped?.file ??
    Buffer.from('-----BEGIN AGE ENCRYPTED FILE-----\nbm90IHJlYWxseQ==\n-----END AGE ENCRYPTED FILE-----\n');
  writeFileSync(join(folder, 'key.age'), key);
  const keySha256 = createHash('sha256').update(key).digest('hex');
  const start = '2026-05-01T12:00:00.000Z';
  const header = Buffer.from(JSON.stringify({ session, start, cipher: 'aes-256-gcm', keySha256, ...options.header }));
  const parts = [Buffer.from('daypass-recording-2\n'), uint32(header.length), header];
  let head = createHash('sha256').update(Buffer.concat(parts)).digest();
  const headAtStart = head.toString('hex');
  const dataKey = options.wrapped?.key ?? randomBytes(32);
  const offsets: number[] = [];
  const chunks = options.chunks ?? ['one', 'two two', 'three three three'].map((text) => Buffer.from(text));
  for (const [index, plain] of chunks.entries()) {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(index, 8);
    const cipher = createCipheriv('aes-256-gcm', dataKey, nonce).setAAD(head);
    const body = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    offsets.push(Buffer.concat(parts).length);
    parts.push(uint32(body.length), body);
    head = createHash('sha256').update(head).update(uint32(body.length)).update(body).digest();
  }
  const bytes = Buffer.concat(parts);
  writeFileSync(join(folder, 'recording.bin'), bytes);
  const chain = { head: head.toString('hex'), chunks: chunks.length, bytes: bytes.length };
  const manifest = {
    ...{ format: 'daypass-recording-2', state: 'closed', session, start, end: '2026-05-01T12:05:00.000Z' },
    ...{ grant: 'g', digest: 'd', engagement: 'e', person: 'p', key: 'k', login: 'deploy', via: 'direct' },
    target: { id: 'web-01', name: 'Web server', address: '192.0.2.1', port: 22 },
    ...{ opening: { signed: '', signature: '' }, refusals: 0, channels: [] },
    ...{ ending: { how: 'closed' }, chain, keySha256, ...options.manifest },
  };
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return { ...chain, headAtStart, offsets };
}

/** Control's desk: keys, a ledger, and a folder of recordings. */
export class Desk implements AsyncDisposable {
  readonly #folder = testFolder();
  readonly recordings = join(this.#folder.path, 'recordings');
  readonly keys = join(this.#folder.path, 'keys');
  readonly signer: ReturnType<typeof recordingSigner>;
  readonly checker: ReturnType<typeof recordingChecker>;
  readonly publicKey: string;
  now = () => new Date('2026-05-01T12:05:01.000Z');
  #ledger: Ledger | null = null;

  constructor() {
    mkdirSync(this.recordings);
    createKeys(this.keys);
    const keys = loadKeys(this.keys);
    this.publicKey = keys.recordingPublicKey;
    this.signer = recordingSigner(keys);
    this.checker = recordingChecker(keys.recordingPublicKey);
  }

  get path(): string {
    return this.#folder.path;
  }

  get ledgerPath(): string {
    return join(this.recordings, LEDGER_FILE);
  }

  async deps() {
    this.#ledger ??= await Ledger.open(this.ledgerPath, this.signer, this.checker);
    return { signer: this.signer, checker: this.checker, ledger: this.#ledger, now: this.now };
  }

  /** As after a restart. */
  async reopen(): Promise<void> {
    await this.#ledger?.[Symbol.asyncDispose]();
    this.#ledger = null;
  }

  folder(n: number): string {
    return join(this.recordings, sessionId(n));
  }

  write(n: number, options?: Parameters<typeof writeRecording>[2]): Written {
    return writeRecording(this.folder(n), sessionId(n), options);
  }

  async seal(n: number, reported: ReportedRecording | null) {
    return sealRecording(await this.deps(), this.folder(n), reported);
  }

  /** A sealed recording with nothing strange about it. */
  async sealed(n: number, options?: Parameters<typeof writeRecording>[2]): Promise<Written> {
    const { head, chunks, bytes, ...rest } = this.write(n, options);
    await this.seal(n, { head, chunks, bytes });
    return { head, chunks, bytes, ...rest };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reopen();
    this.#folder[Symbol.dispose]();
  }
}

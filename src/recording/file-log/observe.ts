import type { FileCounts } from '../../access/session.ts';
import type { OnOperation } from './operation.ts';
import { ScpLog } from './scp.ts';
import { SftpLog } from './sftp.ts';

/** What was left out: so many bytes from `offset` of the stream on. */
export type Gap = { readonly offset: number; readonly bytes: number; readonly sha256: string };

/** Who sent what passes: the client, or the target's stdout with the gateway's own answers among it. Never its stderr. */
export type Side = 'client' | 'target';

/**
 * Follows a transfer in its own protocol, from the first byte on and in the order in which bytes passed. `micros` is since the
 * session's start. Nothing throws, whatever the bytes; memory is bounded; slices are not kept after the call, except copies within
 * that bound.
 */
export type Followed = {
  readonly label: string;
  /** Returns how many of the bytes are accounted for, or held until they are. What is left is not of the protocol: then it is lost. */
  take(from: Side, bytes: Buffer, micros: number): number;
  /** The protocol is not followed any more, and `take` is not called again. */
  readonly isLost: boolean;
  /** What has come of a message and is not accounted for yet. */
  held(from: Side): Buffer;
  /** Logs what is still open. Call once, after the last byte. */
  end(micros: number): FileCounts;
};

/** What a follower tells while bytes pass. */
export type FollowedHost = {
  readonly onOperation: OnOperation;
  /** Bytes that stay as they are, whatever they look like: what a protocol says beside the content of files. */
  keep(from: Side, bytes: Buffer, micros: number): void;
  /** So many bytes are content of files, which is not kept. Returns where in the side's bytes they stand. */
  skip(from: Side, bytes: number, micros: number): number;
  /** Content that was not kept, and of which no entry of the log has the digest. */
  leftOut(from: Side, gap: Gap, micros: number): void;
};

type Piece = { readonly from: Side; readonly bytes: Buffer; readonly micros: number };

/** draft-ietf-secsh-filexfer-02 §4: a length of five, SSH_FXP_INIT, a version, of which there are six. */
const SFTP_BEGINS = Buffer.from([0, 0, 0, 5, 1, 0, 0, 0]);
const SFTP_VERSION_MAX = 6;
/** The first line of scp's sender: a file, a folder, times, a warning, an error. */
const SCP_BEGINS = new Set([...'CDT\x01\x02'].map((char) => char.charCodeAt(0)));

/**
 * Tells by its first bytes which protocol a channel carries. Not by its name: that is for whoever starts it to choose. SFTP begins
 * with the client's version; scp's old protocol with a zero byte of the receiver, which the sender answers with a line.
 */
export class FirstBytes {
  readonly #pieces: Piece[] = [];

  /** What has come so far; copies. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Undefined while it cannot be told; null where it is neither. */
  take(piece: Piece, command: string | null, host: FollowedHost): Followed | null | undefined {
    this.#pieces.push({ ...piece, bytes: Buffer.from(piece.bytes) });
    const all = (side: Side): Buffer =>
      Buffer.concat(this.#pieces.filter(({ from }) => from === side).map(({ bytes }) => bytes));
    const [client, target] = [all('client'), all('target')];
    if (target.length === 0) {
      const isSftp = client.subarray(0, SFTP_BEGINS.length).equals(SFTP_BEGINS.subarray(0, client.length));
      const version = client[SFTP_BEGINS.length];
      if (!isSftp || (version ?? 0) > SFTP_VERSION_MAX) return null;
      return version === undefined ? undefined : new SftpLog(host);
    }
    const [receiver, sender, line] = piece.from === 'client' ? [target, 'client', client] : [client, 'target', target];
    if (client.length === 0) return isZero(target) ? undefined : null;
    const isScp = isZero(receiver) && line.length === piece.bytes.length && SCP_BEGINS.has(line[0] ?? -1);
    return isScp ? new ScpLog(sender as Side, command ?? '', host) : null;
  }
}

const isZero = (bytes: Buffer): boolean => bytes.length === 1 && bytes[0] === 0;

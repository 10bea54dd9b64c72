import type { ChannelKind, Coverage, FileCounts } from '../../access/session.ts';
import { OpaqueTransfer } from './opaque-transfer.ts';
import type { FileProtocol, OnOperation } from './operation.ts';
import { ScpLog } from './scp.ts';
import { SftpLog } from './sftp.ts';
import { parseWords, programOf } from './words.ts';

export { FileOperation } from './operation.ts';

/** Protocols that are recognised by how the channel was started. */
export type TransferKind = FileProtocol;

/**
 * Watches the bytes of one channel from the side, in the order in which they passed. `micros` is since the session's start. Nothing
 * throws, whatever the bytes; memory is bounded; slices are not kept after the call, except copies within that bound.
 */
export interface Observer {
  fromClient(bytes: Buffer, micros: number): void;
  /** The target's stdout, with the gateway's own answers among it: what the client got. Never its stderr. */
  fromTarget(bytes: Buffer, micros: number): void;
  /** Logs what is still open. Call once, after the last byte. */
  end(micros: number): { readonly counts: FileCounts; readonly coverage: Coverage; readonly label: string };
}

/** Whether a channel carries a file-transfer protocol, by what the client asked to start. */
export function recognise(start: { readonly kind: ChannelKind; readonly command: string | null }): TransferKind | null {
  if (start.command === null) return null;
  if (start.kind === 'subsystem') return start.command === 'sftp' ? 'sftp' : null;
  if (start.kind !== 'exec') return null;
  const words = parseWords(start.command);
  return words === null ? null : (programOf(words)?.kind ?? null);
}

/** An observer for a channel that `recognise` knows; `command` is the exec line, or the subsystem's name. */
export function observe(kind: TransferKind, command: string | null, onOperation: OnOperation): Observer {
  switch (kind) {
    case 'sftp':
      return new SftpLog(onOperation);
    case 'scp':
      return new ScpLog(command ?? '', onOperation);
    case 'rsync':
    case 'git':
      return new OpaqueTransfer(kind, command ?? '', onOperation);
  }
}

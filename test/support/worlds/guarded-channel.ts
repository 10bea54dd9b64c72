import type { Scope } from '../../../src/access/scopes/scope.ts';
import { Flow } from '../../../src/gateway/session/flow.ts';
import { GuardedSftp } from '../../../src/gateway/session/guarded-sftp.ts';
import type { Channel, Stream } from '../../../src/gateway/ssh/channel.ts';
import { SftpLog } from '../../../src/recording/file-log/sftp.ts';
import { scope } from '../samples/samples.ts';

/** One side, as far as flows look at it. */
class Peer {
  room = 0;
  sent = 0;
  credited = 0;
  received: Buffer = Buffer.alloc(0);
  readonly channel = {
    waited: () => {},
    consumed: (bytes: number) => {
      this.credited += bytes;
    },
    write: (_stream: Stream, bytes: Buffer) => {
      if (bytes.length > this.room) throw new Error('written beyond its room');
      this.room -= bytes.length;
      this.received = Buffer.concat([this.received, bytes]);
    },
  } as unknown as Channel;

  constructor() {
    Object.defineProperty(this.channel, 'room', { get: () => this.room });
  }
}

/** A guarded channel between its two flows, with a client and a target that count. */
export function guardedChannel(files: NonNullable<Scope['files']>, more: Partial<Scope> = {}) {
  const client = new Peer();
  const target = new Peer();
  const refused: string[] = [];
  /** As it is recorded. */
  const log = new SftpLog({ onOperation: () => {}, keep: () => {}, skip: () => 0 });
  const seen: { input: Buffer; output: Buffer } = { input: Buffer.alloc(0), output: Buffer.alloc(0) };
  const state: { sftp: GuardedSftp | null; isReady: boolean } = { sftp: null, isReady: true };
  const input = new Flow({
    isReady: () => state.isReady && state.sftp?.isReady !== false,
    accept: (_stream, bytes) => {
      seen.input = Buffer.concat([seen.input, bytes]);
      if (!log.isLost) log.take('client', bytes, 0);
    },
  });
  const output = new Flow({
    isReady: () => state.isReady,
    accept: (_stream, bytes) => {
      seen.output = Buffer.concat([seen.output, bytes]);
      if (!log.isLost) log.take('target', bytes, 0);
    },
  });
  input.source = client.channel;
  input.sink = target.channel;
  output.source = target.channel;
  output.sink = client.channel;
  const sftp = GuardedSftp.of({ ...scope('files-ro'), files, ...more }, { input, output }, (sentence) =>
    refused.push(sentence),
  );
  if (!sftp) throw new Error('nothing to guard');
  state.sftp = sftp;
  const settle = () => {
    output.pump();
    input.pump();
    for (const peer of [client, target])
      if (peer.credited > peer.sent) throw new Error('more was given back than was sent');
  };
  return {
    ...{ client, target, refused, log, seen, state, sftp, input, output, settle },
    fromClient(bytes: Buffer) {
      client.sent += bytes.length;
      input.push('stdout', bytes);
      settle();
    },
    fromTarget(bytes: Buffer) {
      target.sent += bytes.length;
      sftp.fromTarget(bytes);
      settle();
    },
  };
}

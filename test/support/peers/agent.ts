import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { encode, reader, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import type { TestKey } from './ssh-keys.ts';

/** An ssh-agent (draft-ietf-sshm-ssh-agent) that holds test keys, FIDO ones too, and keeps what it was asked to sign. */

export type Identity = {
  /** The plain key, or a certificate for it. */
  readonly blob: Uint8Array;
  readonly key: TestKey;
};

export type Signed = { readonly signed: Uint8Array; readonly signature: Uint8Array };

export type TestAgent = AsyncDisposable & { readonly socket: string; readonly signatures: readonly Signed[] };

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_256 = 0x02;

export async function startAgent(folder: string, identities: readonly Identity[]): Promise<TestAgent> {
  const signatures: Signed[] = [];
  const socket = join(folder, 'agent');
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client.on('error', () => {}));
    client.once('close', () => clients.delete(client));
    answerAll(client, (request) => answer(request, identities, signatures));
  }).listen(socket);
  await once(server, 'listening');
  return {
    socket,
    signatures,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answerAll(client: Socket, reply: (request: Uint8Array) => Uint8Array): void {
  let waiting = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE()) {
      const end = 4 + waiting.readUInt32BE();
      client.write(string(reply(waiting.subarray(4, end))));
      waiting = waiting.subarray(end);
    }
  });
}

function answer(request: Uint8Array, identities: readonly Identity[], signatures: Signed[]): Uint8Array {
  const from = reader(request);
  const type = from.uint8('type');
  if (type === REQUEST_IDENTITIES) {
    const list = identities.flatMap(({ blob }) => [string(blob), string('test')]);
    return encode(uint8(IDENTITIES_ANSWER), uint32(identities.length), ...list);
  }
  if (type !== SIGN_REQUEST) return uint8(FAILURE);
  const [blob, signed, flags] = [from.string('key'), from.string('data').slice(), from.uint32('flags')];
  const identity = identities.find((each) => Buffer.compare(each.blob, blob) === 0);
  if (!identity) return uint8(FAILURE);
  const isShort = identity.key.type === 'ssh-rsa' && (flags & RSA_SHA2_256) !== 0;
  const signature = identity.key.sign(signed, isShort ? { algorithm: 'rsa-sha2-256' } : {});
  signatures.push({ signed, signature });
  return encode(uint8(SIGN_RESPONSE), string(signature));
}

import { type EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import ssh2, { type Client, type Connection } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { internalsOf, sendAtOnce, tapMessages } from '../../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, reader, string, uint8, uint32 } from '../../../../src/sshwire/bytes.ts';
import { SIGNATURE_ALGORITHMS } from '../../../../src/sshwire/userauth.ts';
import { makeHostKey } from '../../../support/peers/host-key.ts';

type Side = 'server' | 'client';
type Options = {
  readonly hostVerifier?: (key: Buffer, verified: (ok: boolean) => void) => void;
  /** Of the client; the server's begin with curve25519-sha256. */
  readonly kex?: readonly string[];
  /** Its KEXINIT says that the first message of its exchange follows (RFC 4253 §7.1). */
  readonly isGuessing?: boolean;
  /** Sent by this side as soon as it has the other's first KEXINIT. */
  readonly afterKexinit?: { readonly by: Side; readonly payload: Uint8Array };
};

const HOST_KEY = makeHostKey();

/** A server and a client of ssh2, both with the gateway's tap; `seen` are the messages that the client got. */
async function pair({ hostVerifier, afterKexinit, kex, isGuessing = false }: Options = {}) {
  const algorithms = { kex: ['curve25519-sha256', 'ecdh-sha2-nistp256'], serverHostKey: ['ssh-ed25519'] };
  const server = new ssh2.Server({ hostKeys: [HOST_KEY], algorithms } as never);
  const errors: string[] = [];
  const seen: Buffer[] = [];
  const tap = (side: Side, peer: Client | Connection): void => {
    let isFirst = true;
    tapMessages(
      internalsOf(peer)._protocol,
      (payload) => {
        if (side === 'client') seen.push(Buffer.from(payload));
        if (payload[0] === 20 && isFirst && afterKexinit?.by === side) sendWithin(peer, afterKexinit.payload);
        if (payload[0] === 20) isFirst = false;
        return payload.equals(TAKEN);
      },
      internalsOf(peer)._sock,
    );
    peer.on('error', (error: Error) => errors.push(`${side}: ${error.message}`));
  };
  const connected = new Promise<Connection>((resolve) => {
    server.on('connection', (connection) => {
      tap('server', connection);
      connection.on('authentication', (context) => context.accept());
      resolve(connection);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new ssh2.Client();
  const { port } = server.address() as AddressInfo;
  const ours = { ...algorithms, ...(kex && { kex }) };
  const login = { host: '127.0.0.1', port, username: 'x', password: 'x', algorithms: ours };
  client.connect({ ...login, ...(hostVerifier && { hostVerifier }) } as never);
  if (isGuessing) guess(client);
  tap('client', client);
  return {
    ...{ client, connection: await connected, errors, seen },
    [Symbol.dispose]() {
      client.destroy();
      server.close();
    },
  };
}

/** Sets first_kex_packet_follows, also in what is hashed. */
function guess(client: Client): void {
  const { _protocol: protocol } = internalsOf(client);
  const cipher = protocol._cipher as { encrypt(packet: Buffer): void };
  const encrypt = cipher.encrypt.bind(cipher);
  cipher.encrypt = (packet) => {
    const { _kexinit: payload } = protocol;
    if (packet[5] === 20 && payload) {
      payload[payload.length - 5] = 1;
      payload.copy(packet, 5);
    }
    encrypt(packet);
  };
}

/** `once` of node:events rejects at an error, which is what some of these tests wait for. */
const told = (peer: Client | Connection, event: string): Promise<string> =>
  new Promise((resolve) => {
    (peer as EventEmitter).once(event, () => resolve(event));
  });

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

const sendWithin = (peer: Client | Connection, payload: Uint8Array): void =>
  sendAtOnce(internalsOf(peer)._protocol, payload);

const TAKEN = encode(uint8(94), uint32(1), string('x'));
const MESSAGES = [
  ['IGNORE', encode(uint8(2), string('x')), true],
  ['UNIMPLEMENTED', encode(uint8(3), uint32(1)), true],
  ['DEBUG', encode(uint8(4), uint8(0), string('x'), string('')), true],
  ['SERVICE_REQUEST', encode(uint8(5), string('ssh-userauth')), false],
  ['EXT_INFO', encode(uint8(7), uint32(0)), false],
  ['USERAUTH_REQUEST', encode(uint8(50), string('x'), string('ssh-connection'), string('none')), false],
  ['a message that nobody takes', encode(uint8(94), uint32(0), string('x')), false],
  // As AsyncSSH does; the layers above take it.
  ['a message that is taken', TAKEN, true],
] as const;

describe('strict key exchange', () => {
  describe.each([
    ['server', 'client'],
    ['client', 'server'],
  ] as const)('of a %s', (side, other) => {
    it.each(MESSAGES)('%s within a later exchange', async (_name, payload, isAllowed) => {
      using both = await pair();
      const { client, connection, errors } = both;
      await told(client, 'ready');
      const [ours, theirs] = side === 'server' ? [connection, client] : [client, connection];
      for (let n = 0; n < 2 && errors.length === 0; n += 1) {
        const renewed = Promise.all([told(ours, 'handshake'), told(theirs, 'handshake')]).then(() => 'new keys');
        const outcome = Promise.race([renewed, told(ours, 'error')]);
        internalsOf(theirs)._protocol.rekey();
        sendWithin(theirs, payload);
        expect(await outcome).toBe(isAllowed ? 'new keys' : 'error');
      }
      expect(errors[0]?.replace(/[0-9]+$/, 'N')).toBe(
        isAllowed ? undefined : `${side}: Received unexpected packet type N`,
      );
    });

    it.each(MESSAGES)('%s within the first exchange ends the connection', async (_name, payload) => {
      using both = await pair({ afterKexinit: { by: other, payload } });
      await until(() => both.errors.length > 0);
      expect(both.errors[0]).toMatch(new RegExp(`^${side}: Received unexpected packet type (${payload[0]}|0)$`));
    });
  });

  it.each(MESSAGES)('%s between the client’s key and its first NEWKEYS ends the connection', async (_name, payload) => {
    // The client waits for somebody to verify the host key.
    using both = await pair({ hostVerifier: () => {} });
    const { client, errors, seen } = both;
    await until(() => seen.some(([number]) => number === 21));
    sendWithin(client, payload);
    await until(() => errors.length > 0);
    expect(errors[0]).toMatch(new RegExp(`^server: Received unexpected packet type (${payload[0]}|0)$`));
  });
});

describe('EXT_INFO of a server', () => {
  it('is the packet after its NEWKEYS, before the client has sent its own, and names what logins are signed with', async () => {
    let verified: (ok: boolean) => void = () => {};
    using both = await pair({
      hostVerifier: (_key, decide) => {
        verified = decide;
      },
    });
    const { client, seen } = both;
    await until(() => seen.length >= 3);
    // In one piece: who has read the one has read the other.
    expect(seen.map(([number]) => number)).toEqual([20, 31, 21, 7]);
    const from = reader(seen[3] ?? Buffer.alloc(0));
    expect([from.uint8('number'), from.uint32('extensions'), from.text('name', 64)]).toEqual([7, 1, 'server-sig-algs']);
    const named = from.text('value', 1_000).split(',');
    from.end('EXT_INFO');
    expect(named).toEqual(SIGNATURE_ALGORITHMS);
    expect(named).toEqual(
      expect.arrayContaining(['ssh-ed25519', 'ecdsa-sha2-nistp521', 'rsa-sha2-256', 'rsa-sha2-512']),
    );
    expect(named).not.toContain('ssh-rsa');
    verified(true);
    await told(client, 'ready');
    // What takes along the acknowledgement of the client's NEWKEYS, and only then what answers its next message.
    expect(seen.slice(4, 6).map(([number]) => number)).toEqual([2, 6]);
    // ssh2 does not send one of its own as well.
    expect(seen.filter(([number]) => number === 7)).toHaveLength(1);
  });
});

describe('a guessed first message', () => {
  it('is taken where the first names of both sides agree', async () => {
    using both = await pair({ isGuessing: true });
    await told(both.client, 'ready');
    expect(both.errors).toEqual([]);
  });

  it('is passed over where they do not', async () => {
    const payload = encode(uint8(30), string('a point of another curve'));
    const kex = ['ecdh-sha2-nistp256', 'curve25519-sha256'];
    using both = await pair({ isGuessing: true, kex, afterKexinit: { by: 'client', payload } });
    await told(both.client, 'ready');
    expect(both.errors).toEqual([]);
  });
});

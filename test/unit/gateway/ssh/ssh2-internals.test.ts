import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { IDENTIFICATION, plainDisconnect, SOFTWARE } from '../../../../src/gateway/ssh/messages.ts';
import { internalsOf, SSH2_VERSION, skipIdentification } from '../../../../src/gateway/ssh/ssh2-internals.ts';
import { makeSessionKey } from '../../../../src/gateway/upstream/connect.ts';
import { presentCertificate } from '../../../../src/gateway/upstream/present-certificate.ts';
import { pipe } from '../../../support/peers/pipe.ts';

/** A client that tries to connect to a server which says nothing. */
async function connecting() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new ssh2.Client();
  client.on('error', () => {});
  const { port } = server.address() as { port: number };
  client.connect({ host: '127.0.0.1', port, username: 'x' });
  return {
    client,
    [Symbol.dispose]: () => {
      client.destroy();
      server.close();
    },
  };
}

describe('the identification', () => {
  it('that the client has read already ssh2 does not send again, and goes on with its own', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const hostKeys = [privateKey.export({ format: 'pem', type: 'pkcs1' }) as string];
    const server = new ssh2.Server({ hostKeys, ident: SOFTWARE } as never, (connection) =>
      connection.on('error', () => {}),
    );
    const [near, far] = pipe();
    skipIdentification(near, IDENTIFICATION);
    server.injectSocket(near as never);
    far.write('SSH-2.0-x\r\n');
    const [first] = (await once(far, 'data')) as [Buffer];
    // A packet of RFC 4253 §6: its length, its padding, KEXINIT.
    expect(first[5]).toBe(20);
    near.destroy();
  });

  it('is the first that is written, or the connection ends', () => {
    const [near] = pipe();
    skipIdentification(near, IDENTIFICATION);
    expect(near.write('SSH-2.0-another\r\n')).toBe(false);
    expect(near.destroyed).toBe(true);
  });

  it.each(['', 'x', 'xx', 'xxxx', 'x'.repeat(100)])(
    'a farewell before there are keys is a whole packet: %j',
    (words) => {
      const packet = plainDisconnect(words);
      expect(packet.readUInt32BE(0)).toBe(packet.length - 4);
      expect(packet.length % 8).toBe(0);
      expect(packet[4]).toBeGreaterThanOrEqual(4);
      expect([...packet.subarray(5, 10)]).toEqual([1, 0, 0, 0, 12]);
      expect(packet.toString('latin1', 14, 14 + words.length)).toBe(words);
    },
  );
});

describe('what the gateway reaches into of ssh2', () => {
  it('is pinned to the version that it was written for', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'));
    expect(dependencies.ssh2).toBe(SSH2_VERSION);
  });

  it('is there', async () => {
    using attempt = await connecting();
    const { _protocol: protocol } = internalsOf(attempt.client);
    expect(protocol).toMatchObject({ authNone: expect.any(Function), authPK: expect.any(Function), _authsQueue: [] });
    expect(protocol._packetRW.write).toMatchObject({ allocStart: expect.any(Number) });
  });

  it('is a fault where a name is missing', async () => {
    using attempt = await connecting();
    const { _protocol: protocol } = internalsOf(attempt.client);
    Object.assign(protocol, { authNone: undefined });
    const { privateKey } = makeSessionKey();
    expect(() => presentCertificate(attempt.client, { certificate: 'a b', privateKey })).toThrow(/ssh2 has changed/);
    const { _sock } = internalsOf(attempt.client);
    const changed = { _sock, _protocol: { ...protocol, _packetRW: {} } } as unknown as ssh2.Client;
    expect(() => internalsOf(changed)).toThrow(/not the version that the gateway was written for/);
  });
});

describe('a session key', () => {
  it('is a well-formed ed25519 key every time', () => {
    for (let n = 0; n < 300; n += 1) {
      const { privateKey, publicBlob } = makeSessionKey();
      expect(privateKey.asymmetricKeyType).toBe('ed25519');
      expect(publicBlob).toHaveLength(51);
    }
  });
});

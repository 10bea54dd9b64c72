import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { internalsOf, SSH2_VERSION } from '../../../src/gateway/ssh2-internals.ts';
import { makeSessionKey } from '../../../src/gateway/upstream.ts';
import { presentCertificate } from '../../../src/gateway/upstream-auth.ts';

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

describe('what the gateway reaches into of ssh2', () => {
  it('is pinned to the version that it was written for', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
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
    expect(() => internalsOf(changed)).toThrow(/not the one that the gateway knows/);
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

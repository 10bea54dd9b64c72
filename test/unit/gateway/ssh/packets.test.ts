import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { PACKET_MAX } from '../../../../src/gateway/limits.ts';
import { PACKET_HEADER, packetFor, reusePackets } from '../../../../src/gateway/ssh/packets.ts';

type Cipher = { allocPacket(payload: number): Buffer };
type Ssh2Crypto = {
  readonly init: Promise<unknown>;
  readonly CIPHER_INFO: Record<string, { keyLen: number; ivLen: number }>;
  createCipher(config: object): Cipher;
};
const crypto = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as Ssh2Crypto;

function cipherOf(name: string, forceNative = false): Cipher {
  const cipherInfo = crypto.CIPHER_INFO[name] ?? { keyLen: 0, ivLen: 0 };
  const cipherKey = randomBytes(cipherInfo.keyLen);
  const cipherIV = randomBytes(cipherInfo.ivLen);
  return crypto.createCipher({ outbound: { cipherInfo, cipherKey, cipherIV, seqno: 0, forceNative, onWrite() {} } });
}

beforeAll(() => crypto.init);

describe('a packet', () => {
  it.each(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'])(
    'for %s has the length and the header that ssh2 gives it, whatever its payload',
    (name) => {
      const cipher = cipherOf(name);
      // Where the addon was not built there is nothing to compare.
      if (cipher.constructor.name.endsWith('Native')) return expect(packetFor(cipher, 1)).toBeNull();
      for (let payload = 0; payload <= PACKET_MAX + 64; payload += payload < 5_000 ? 1 : 97) {
        const own = cipher.allocPacket(payload);
        const packet = packetFor(cipher, payload);
        expect([payload, packet?.length]).toEqual([payload, own.length]);
        expect(packet?.subarray(0, PACKET_HEADER)).toEqual(own.subarray(0, PACKET_HEADER));
      }
    },
  );

  it('for a cipher that does not encrypt in place is left to ssh2', () => {
    for (const cipher of [cipherOf('aes128-gcm@openssh.com', true), {}]) {
      expect(packetFor(cipher, 32_000)).toBeNull();
    }
  });

  it('is padded with random bytes that differ from packet to packet', () => {
    const cipher = new (class AESGCMCipherBinding {})();
    const paddings = Array.from({ length: 2_000 }, () => {
      const packet = packetFor(cipher, 100) ?? Buffer.alloc(0);
      return packet.subarray(PACKET_HEADER + 100, packet.length - 16).toString('hex');
    });
    expect(new Set(paddings).size).toBe(2_000);
  });
});

/** Takes what is written when it is told to, as a socket whose peer reads slowly. */
class Slow extends Writable {
  readonly taken: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#waiting.push(() => {
      this.taken.push(Buffer.from(chunk));
      done();
    });
  }

  takeOne(): void {
    this.#waiting.shift()?.();
  }
}

describe('a buffer of a packet', () => {
  class AESGCMCipherBinding {}
  const cipher = new AESGCMCipherBinding();
  const filled = (byte: number): Buffer => packetFor(cipher, 32_000)?.fill(byte) ?? Buffer.alloc(0);
  const slow = (): Slow => {
    const socket = new Slow({ highWaterMark: 1 << 30 });
    reusePackets(socket as never);
    return socket;
  };

  it('is not used again before the socket has done with it, and is afterwards', async () => {
    const socket = slow();
    const buffers = new Set<ArrayBufferLike>();
    for (let n = 0; n < 1_000; n += 1) {
      const packet = filled(n % 251);
      buffers.add(packet.buffer);
      socket.write(packet);
      if (n % 7 === 6) for (let m = 0; m < 7; m += 1) socket.takeOne();
      // Node calls back in a later turn.
      if (n % 7 === 6) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [n, packet] of socket.taken.entries())
      expect([n, packet.every((byte) => byte === n % 251)]).toEqual([n, true]);
    expect(socket.taken.length).toBeGreaterThan(900);
    expect(buffers.size).toBeLessThan(50);
  });

  it('that is written twice, or by somebody else, is not two packets’', async () => {
    const socket = slow();
    const packet = filled(1);
    socket.write(packet);
    socket.write(packet);
    socket.write(Buffer.alloc(10));
    for (let n = 0; n < 3; n += 1) {
      socket.takeOne();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const next = Array.from({ length: 100 }, (_, n) => filled(n).buffer);
    expect(new Set(next).size).toBe(100);
  });

  it('is lost with a connection that goes away, and nothing else', async () => {
    const socket = slow();
    socket.on('error', () => {});
    const lost = filled(7);
    socket.write(lost);
    socket.write(filled(8));
    socket.destroy(new Error('reset'));
    await new Promise((resolve) => setImmediate(resolve));
    const next = Array.from({ length: 200 }, (_, n) => filled(n).buffer);
    expect(new Set(next).size).toBe(200);
  });
});

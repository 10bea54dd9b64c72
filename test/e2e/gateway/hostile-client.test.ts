import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internalsOf, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { unhurt } from '../../support/checks/unhurt.ts';
import { channelData } from '../../support/peers/hostile-target.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

let world: GatewayWorld;

const eof = (channel: number): Uint8Array => encode(uint8(96), uint32(channel));
const close = (channel: number): Uint8Array => encode(uint8(97), uint32(channel));
const count = (raw: RawClient, number: number): number => raw.received.filter(([each]) => each === number).length;

/** As fast as the gateway takes them; an end where it has cut the connection, or takes nothing any more. */
async function pour(raw: RawClient, messages: Iterable<Uint8Array>): Promise<void> {
  let n = 0;
  for (const message of messages) {
    if (raw.socket.destroyed) return;
    raw.send(message);
    n += 1;
    if (n % 500 !== 0) continue;
    // Control lives in this process as well.
    await pause(1);
    for (let waits = 0; raw.socket.writableLength > 1e6 && waits < 400; waits += 1) await pause(5);
    if (raw.socket.writableLength > 1e6) return;
  }
}

const times = function* (n: number, message: (index: number) => Uint8Array): Generator<Uint8Array> {
  for (let index = 0; index < n; index += 1) yield message(index);
};

describe('a contractor who attacks the worker', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('by a maximum packet of 0', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      raw.send(openSession({ packet: 0 }));
      raw.send(encode(uint8(98), uint32(0), string('exec'), uint8(1), string('yes')));
      expect(await raw.cut()).toBeLessThan(2_000);
    });
  });

  it('by a window of 4 GiB, and reads nothing', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      await raw.exec('yes', 2 ** 32 - 1);
      raw.socket.pause();
      await pause(3_000);
    });
  });

  it('by more than our window lets it send', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      const channel = await raw.exec('sleep 60');
      const piece = randomBytes(32_000);
      await pour(
        raw,
        times(10_000, () => channelData(channel, piece)),
      );
      expect(await raw.cut()).toBeLessThan(5_000);
    });
  });

  it('by 20,000 channels at a time', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      await pour(
        raw,
        times(20_000, (sender) => openSession({ sender })),
      );
      while (count(raw, 91) + count(raw, 92) < 20_000) await pause(20);
      expect(count(raw, 91)).toBe(10);
    });
  });

  it('by 5,000 channels one after the other, which it may have', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      // Numbers of the gateway's side are those of its answers.
      for (let sent = 0; sent < 5_000; sent += 10) {
        for (let sender = sent; sender < sent + 10; sender += 1) raw.send(openSession({ sender }));
        while (count(raw, 91) + count(raw, 92) < 10) await pause(1);
        for (const answer of raw.received.filter(([number]) => number === 91)) raw.send(close(answer.readUInt32BE(5)));
        const opened = count(raw, 91);
        while (count(raw, 97) < opened) await pause(1);
        raw.received.splice(0);
        expect(opened).toBe(10);
      }
    });
  });

  it('by data after the end of its data, of which nothing goes on', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      const channel = await raw.exec('cat');
      raw.send(channelData(channel, Buffer.from('before')));
      raw.send(eof(channel));
      raw.send(channelData(channel, Buffer.from('after')));
      raw.send(eof(channel));
      await raw.message(97);
      const echoed = raw.received.filter(([number]) => number === 94).map((payload) => payload.subarray(9));
      expect(Buffer.concat(echoed).toString()).toBe('before');
    });
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      const channel = await raw.exec('sleep 60');
      raw.send(eof(channel));
      const piece = randomBytes(32_000);
      await pour(
        raw,
        times(2_000, () => channelData(channel, piece)),
      );
      expect(await raw.cut()).toBeLessThan(5_000);
    });
  });

  it('by messages that mean nothing, whose sender reads nothing', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      raw.socket.pause();
      const numbers = [0, 2, 4, 8, 19, 49, 79, 83, 89, 101, 127, 191, 192, 255];
      await pour(
        raw,
        times(100_000, (n) => encode(uint8(numbers[n % numbers.length] ?? 0), string('x'.repeat(n % 500)), uint32(0))),
      );
      raw.socket.resume();
      if (!raw.socket.destroyed) raw.send(openSession());
    });
  });

  it('by questions whose answers it does not read', async () => {
    // Each is refused with a sentence.
    const question = encode(uint8(90), string('tunnel'), uint32(0), uint32(1), uint32(32_768));
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      raw.socket.pause();
      await pour(
        raw,
        times(1_000_000, () => question),
      );
      await pause(500);
    });
  });

  it('by a packet of more than 35,000 bytes', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      raw.send(encode(uint8(2), string(randomBytes(60_000))));
      expect(await raw.cut()).toBeLessThan(3_000);
    });
  });

  it('by bytes that are no packets', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      raw.socket.write(randomBytes(1_000_000));
      expect(await raw.cut()).toBeLessThan(3_000);
    });
  });
});

describe('a contractor who leaves an exchange of keys lying', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start({
      limits: { rekeyMs: 4_000, rekeyAnswerMs: 1_000, unansweredMs: 1_000, keepaliveMs: 60_000 },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const KEX = [20, 21, 30, 31];
  /** From here on it takes no message of a key exchange. */
  const deafen = (raw: RawClient): void =>
    tapMessages(
      internalsOf(raw.client)._protocol,
      (payload) => KEX.includes(payload[0] ?? 0) || (payload[0] ?? 0) >= 80,
    );

  it('that it began itself is cut off', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      await raw.exec('yes');
      deafen(raw);
      internalsOf(raw.client)._protocol.rekey();
      expect(await raw.cut()).toBeLessThan(2_500);
    });
  });

  it('that the gateway began is cut off', async () => {
    await unhurt(world, async () => {
      using raw = await RawClient.login(world);
      await raw.exec('yes');
      deafen(raw);
      const ms = await raw.cut();
      expect(ms).toBeGreaterThan(3_000);
      expect(ms).toBeLessThan(7_000);
    });
  });
});

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionEnding } from '../../../src/access/session.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';
import { connected } from '../../support/checks/sockets.ts';
import { unhurt } from '../../support/checks/unhurt.ts';
import { ssh, sshClient } from '../../support/peers/gateway-client.ts';
import {
  type Attack,
  channelData,
  confirm,
  type HostileTarget,
  hostileTarget,
  strangeHost,
} from '../../support/peers/hostile-target.ts';
import { type KeyFile, makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { openSession, RawClient } from '../../support/peers/raw-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

let world: GatewayWorld;
let hostKey: KeyFile;
beforeAll(async () => {
  world = await GatewayWorld.start({ limits: { rekeyMs: 2_500, rekeyAnswerMs: 1_000 } });
  hostKey = await makeKeyFile(world.folder.path, 'ed25519', 'evil-host');
});
afterAll(() => world?.[Symbol.asyncDispose]());

const EVIL = () => ['-l', `${world.login}+evil-01`, 'direct'];
const FAILED = (why: string): SessionEnding => ({ how: 'failed', why }) as SessionEnding;

/** Puts it among the targets of the person, as the second one. */
async function aim(target: HostileTarget): Promise<void> {
  world.control.targets.splice(1);
  world.addTarget('evil-01', target);
  world.grant('shell');
}

const AT_ONCE = 'cat';
/** A client that does not read for a while: nothing of a flood drains to it. */
const LATE = 'sleep 2; cat';

/** What the person who tried it read, and how its session ended. */
async function tried(reading = AT_ONCE): Promise<{ stderr: string; ending: SessionEnding }> {
  const known = new Set(world.control.sessions);
  const reader = `ssh -F ${world.sshConfig} ${EVIL().join(' ')} true | (${reading}) >/dev/null; true`;
  const { stderr } = await run('sh', ['-c', reader]);
  const ids = world.control.sessions.filter((id) => !known.has(id));
  const endings = await Promise.all(ids.map((id) => world.control.endingOf(id)));
  return { stderr, ending: endings.find(({ how }) => how !== 'closed') ?? { how: 'closed' } };
}

async function attacked(attack: Attack, over: (evil: HostileTarget) => Promise<void>): Promise<void> {
  await using target = await hostileTarget(readFileSync(hostKey.path, 'utf8'), hostKey.line, attack);
  await aim(target);
  await unhurt(world, () => over(target));
}

const isOpen = (payload: Buffer): boolean => payload[0] === 90;
const isRequest = (payload: Buffer): boolean => payload[0] === 98;
const opener = (payload: Buffer): number => payload.readUInt32BE(12);
const SUCCESS = encode(uint8(99), uint32(0));
const EOF = encode(uint8(96), uint32(0));
const CLOSE = encode(uint8(97), uint32(0));

/** Lets the session channel be opened as it should, and then does this. */
const onRequest = (act: NonNullable<Attack['onMessage']>, window?: number): Attack => ({
  onMessage(payload, send, socket) {
    if (isOpen(payload)) send(confirm(opener(payload), window === undefined ? {} : { window }));
    if (isRequest(payload)) act(payload, send, socket);
  },
});
const many = (times: number, act: (n: number) => void): void => {
  for (let n = 0; n < times; n += 1) act(n);
};

/** The second exchange of keys and those after it. */
function nextKeys(): (payload: Buffer) => boolean {
  let seen = 0;
  return (payload) => {
    if (payload[0] === 20) seen += 1;
    return payload[0] === 20 && seen > 1;
  };
}

describe('a target that breaks the rules fails its session and nothing else', () => {
  const attacks: readonly (readonly [string, Attack, string])[] = [
    ['by channels before login', { atLogin: (send) => send(openSession()) }, AT_ONCE],
    [
      'by a maximum packet of 0',
      { onMessage: (got, send) => isOpen(got) && send(confirm(opener(got), { packet: 0 })) },
      AT_ONCE,
    ],
    [
      'by data beyond the window',
      onRequest((_, send) => many(1_300, () => send(channelData(0, Buffer.alloc(32_000, 'x'))))),
      LATE,
    ],
    [
      'by data without end after the end of its data',
      onRequest((_, send) => {
        send(EOF);
        many(1_300, () => send(channelData(0, Buffer.alloc(32_000, 'x'))));
      }),
      LATE,
    ],
    [
      'by a window that overflows',
      onRequest((_, send) => send(encode(uint8(93), uint32(0), uint32(2))), 2 ** 32 - 1),
      AT_ONCE,
    ],
    ['by a malformed message', { onMessage: (got, send) => isOpen(got) && send(Buffer.from([91, 0])) }, AT_ONCE],
    ['by an answer that nobody asked for', { onMessage: (got, send) => isOpen(got) && send(confirm(77)) }, AT_ONCE],
    [
      'by a wrong message in one piece with its answer',
      {
        onMessage(got, send, socket) {
          if (!isOpen(got)) return;
          socket.cork();
          send(confirm(opener(got)));
          send(channelData(5, Buffer.from('x')));
          socket.uncork();
        },
      },
      AT_ONCE,
    ],
    ['by data for a channel that is not open', onRequest((_, send) => send(channelData(5, Buffer.from('x')))), AT_ONCE],
  ];
  it.each(attacks)('%s', (_name, attack, reading) =>
    attacked(attack, async () => {
      const { stderr, ending } = await tried(reading);
      expect(stderr).toMatch(/daypass: evil-01 broke the SSH protocol/);
      expect(ending).toEqual(FAILED('protocol'));
    }),
  );
});

describe('a target that goes silent, deaf or mad loses its session and nothing else', () => {
  const UNREACHABLE = /daypass: evil-01 cannot be reached from the gateway/;
  const LOST = /daypass: The connection to evil-01 was lost/;
  const TEXT = 'evil\u001b]0;pwned\u0007\r\n{"level":50,"msg":"ready"}\u009b31m';
  const disconnect = encode(uint8(1), uint32(2), string(TEXT), string(''));

  it('by compression alone', () =>
    attacked({ compress: 'zlib' }, async () => {
      const { stderr, ending } = await tried();
      expect(stderr).toMatch(/daypass: evil-01 and the gateway have no compression in common: the target offers zlib/);
      expect(ending).toEqual(FAILED('no_common_algorithm'));
    }));

  const attacks: readonly (readonly [string, RegExp, Attack])[] = [
    ['by a text before login', UNREACHABLE, { atLogin: (send) => send(disconnect) }],
    ['by a text as it goes', LOST, onRequest((_, send) => send(disconnect))],
    ['by bytes that are no packets', LOST, onRequest((_, _send, socket) => socket.write(randomBytes(1_000_000)))],
    ['by a packet of more than 35,000 bytes', LOST, onRequest((_, send) => send(channelData(0, randomBytes(60_000))))],
    ['by keys that it never renews', LOST, { ...onRequest(() => {}), isDeafTo: nextKeys() }],
  ];
  it.each(attacks)('%s', (_name, sentence, attack) =>
    attacked(attack, async () => {
      const { stderr, ending } = await tried();
      expect(stderr).toMatch(sentence);
      expect(stderr).not.toMatch(/pwned|evil.\]/);
      expect(ending).toEqual(FAILED('target_unreachable'));
    }),
  );

  const greetings: Record<string, Parameters<typeof strangeHost>[1]> = {
    'says-nothing': () => {},
    'never-ends': (socket) => socket.write('x'.repeat(100_000)),
    'off-topic': (socket) => socket.write(randomBytes(100_000)),
    'version-only': (socket) => socket.write('SSH-2.0-evil\r\n'),
  };
  it('by what it says before its keys, or by saying nothing', async () => {
    const hosts = await Promise.all(Object.values(greetings).map((greet) => strangeHost(hostKey.line, greet)));
    await using _hosts = {
      async [Symbol.asyncDispose]() {
        for (const host of hosts) await host[Symbol.asyncDispose]();
      },
    };
    world.control.targets.splice(1);
    for (const [n, name] of Object.keys(greetings).entries()) world.addTarget(name, hosts[n] as HostileTarget);
    world.grant('shell');
    const before = world.control.sessions.length;
    await unhurt(world, async () => {
      const start = performance.now();
      await Promise.all(
        Object.keys(greetings).map(async (name) => {
          const { stderr } = await ssh(world, ['-l', `${world.login}+${name}`, 'direct', 'true']);
          expect(stderr).toContain(`daypass: ${name} cannot be reached from the gateway`);
        }),
      );
      expect(performance.now() - start).toBeLessThan(25_000);
    });
    const endings = await Promise.all(world.control.sessions.slice(before).map((id) => world.control.endingOf(id)));
    const failed = Object.keys(greetings).map(() => FAILED('target_unreachable'));
    expect(endings.filter(({ how }) => how !== 'closed')).toEqual(failed);
  });
});

describe('a target that asks too much costs little', () => {
  it('by a window of 4 GiB, and reads nothing', () =>
    attacked(
      onRequest(
        (_, send, socket) => {
          send(SUCCESS);
          socket.pause();
        },
        2 ** 32 - 1,
      ),
      async (evil) => {
        await using client = sshClient(world, [...EVIL(), 'cat']);
        await connected(evil.port);
        const piece = Buffer.alloc(1_000_000);
        const late = performance.now() + 2_000;
        while (performance.now() < late) {
          client.child.stdin?.write(piece);
          while ((client.child.stdin?.writableLength ?? 0) > 1e7 && performance.now() < late) await pause(10);
          await pause(1);
        }
      },
    ));

  it('by 20,000 channels, of which it gets none', async () => {
    let refused = 0;
    await attacked(
      {
        onMessage(payload, send) {
          if (isOpen(payload)) send(confirm(opener(payload)));
          if (isRequest(payload)) {
            send(SUCCESS);
            many(20_000, (sender) => send(openSession({ sender })));
          }
          if (payload[0] !== 92) return;
          refused += 1;
          if (refused < 20_000) return;
          send(EOF);
          send(CLOSE);
        },
      },
      async () => {
        expect((await tried(LATE)).ending).toEqual({ how: 'closed' });
        expect(refused).toBe(20_000);
      },
    );
  });

  it('by messages that mean nothing, and questions whose answers it does not read', async () => {
    const numbers = [0, 2, 4, 49, 79, 83, 101, 191, 192, 255];
    await attacked(
      onRequest((_, send, socket) => {
        socket.pause();
        many(100_000, (n) => send(encode(uint8(numbers[n % numbers.length] ?? 0), string('x'), uint32(0))));
        many(100_000, () => send(encode(uint8(80), string('x@y'), uint8(1))));
      }),
      async (evil) => {
        await using client = sshClient(world, [...EVIL(), 'cat']);
        await connected(evil.port);
        await pause(2_000);
        client.child.kill('SIGKILL');
      },
    );
  });

  it('by banners without end before login', async () => {
    await attacked(
      {
        atLogin: (send) => many(20_000, () => send(encode(uint8(53), string('x'.repeat(1_000)), string('')))),
        ...onRequest((_, send) => {
          send(SUCCESS);
          send(CLOSE);
        }),
      },
      async () => expect((await tried(LATE)).ending).toEqual({ how: 'closed' }),
    );
  });

  it('by no answer at all: its session ends with the client', () =>
    attacked({}, async (evil) => {
      const next = world.control.sessions.length;
      await using client = sshClient(world, [...EVIL(), 'true']);
      await connected(evil.port);
      await pause(300);
      client.child.kill('SIGKILL');
      const ids = world.control.sessions.slice(next);
      expect(ids).not.toEqual([]);
      for (const id of ids) expect(await world.control.endingOf(id)).toEqual({ how: 'closed' });
    }));

  it('by saying without end that it reads no more, of which the client hears once', () =>
    attacked(
      onRequest((_, send) => {
        send(SUCCESS);
        many(1_000, () => send(encode(uint8(98), uint32(0), string('eow@openssh.com'), uint8(0))));
        send(EOF);
        send(CLOSE);
      }),
      async () => {
        using raw = await RawClient.login(world, 'evil-01');
        await raw.exec('true');
        await raw.message(97);
        expect(raw.received.filter((payload) => payload.includes('eow@openssh.com'))).toHaveLength(1);
      },
    ));

  it('by data after the end of its data, of which nothing goes on', () =>
    attacked(
      onRequest((_, send) => {
        send(SUCCESS);
        send(channelData(0, Buffer.from('before')));
        send(EOF);
        send(channelData(0, Buffer.from('after')));
        send(CLOSE);
      }),
      async () => {
        const { stdout } = await ssh(world, [...EVIL(), 'true']);
        expect(stdout).toBe('before');
      },
    ));
});

import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import type { Shown } from '../../../src/access/shown.ts';
import { sshClient, sshTerminal, WAYS } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Somebody who looks on at a live session. */
class Onlooker {
  readonly all: Shown[] = [];
  isOver = false;
  stop: () => void = () => {};
  #wake: () => void = () => {};

  static at(id: SessionId, isTold = false): Onlooker {
    const onlooker = new Onlooker();
    const stop = world.gateway.watch(id, {
      isTold,
      see: (shown) => {
        onlooker.all.push(shown);
        onlooker.#wake();
      },
      over: () => {
        onlooker.isOver = true;
        onlooker.#wake();
      },
    });
    if (!stop) throw new Error('no worker carries this session');
    onlooker.stop = stop;
    return onlooker;
  }

  get text(): string {
    return this.all
      .map((each) => (each.show === 'output' ? Buffer.from(each.bytes, 'base64').toString() : ''))
      .join('');
  }

  async until(isSo: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(20_000);
    while (!isSo()) {
      if (late.aborted) throw new Error(`not seen: ${JSON.stringify(this.text.slice(-500))}`);
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        once(late, 'abort'),
      ]);
    }
  }
}

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.each(WAYS)('a session by way of %s', (way) => {
  it('is shown from now on with its size, and the person is told', async () => {
    const next = world.control.sessions.length;
    using terminal = sshTerminal(world, [way], { columns: 91, rows: 21 });
    terminal.type('echo before $((40 + 2))\r');
    await terminal.shows(/before 42/);
    const id = await world.control.openedSession(next);
    const onlooker = Onlooker.at(id, true);
    await terminal.shows(/\r\ndaypass: an operator is watching this session\.\r\n/);
    terminal.type('echo after $((40 + 3))\r');
    await onlooker.until(() => /after 43/.test(onlooker.text));
    expect(onlooker.text).not.toMatch(/before 42/);
    expect(onlooker.all[0]).toEqual({
      show: 'channel',
      channel: 0,
      kind: 'shell',
      command: null,
      size: { columns: 91, rows: 21 },
    });
    terminal.resize(60, 20);
    await onlooker.until(() => onlooker.all.some((each) => each.show === 'channel' && each.size?.columns === 60));
    terminal.type('exit\r');
    await onlooker.until(() => onlooker.isOver);
    await terminal.exited();
  });

  it('may be watched without a word to the person, until the watching ends', async () => {
    const next = world.control.sessions.length;
    using terminal = sshTerminal(world, [way]);
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    const onlooker = Onlooker.at(await world.control.openedSession(next));
    terminal.type('echo seen $((40 + 3))\r');
    await onlooker.until(() => /seen 43/.test(onlooker.text));
    onlooker.stop();
    terminal.type('echo unseen $((40 + 4))\r');
    await terminal.shows(/unseen 44/);
    terminal.type('exit\r');
    await terminal.exited();
    expect(onlooker.text).not.toMatch(/unseen/);
    expect(terminal.text).not.toMatch(/watching/);
  });
});

it('nothing waits for one who looks on: what is too fast to be shown is counted', async () => {
  const next = world.control.sessions.length;
  await using client = sshClient(world, ['direct', 'head -c 50000000 /dev/zero | tr "\\0" x']);
  const onlooker = Onlooker.at(await world.control.openedSession(next));
  let bytes = 0;
  for await (const chunk of client.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
  expect(await client.exited).toBe(0);
  expect(bytes).toBe(50_000_000);
  await onlooker.until(() => onlooker.isOver);
  const lost = onlooker.all.reduce((sum, each) => sum + (each.show === 'lost' ? each.bytes : 0), 0);
  expect(lost).toBeGreaterThan(10_000_000);
  expect(onlooker.text.length + lost).toBeLessThanOrEqual(50_000_000);
});

it('a session that no worker carries cannot be watched', () => {
  const nobody = '00000000-0000-4000-8000-000000000000' as SessionId;
  expect(world.gateway.watch(nobody, { isTold: false, see: () => {}, over: () => {} })).toBeNull();
});

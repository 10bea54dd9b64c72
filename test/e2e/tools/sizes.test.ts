import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Of, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { channelsOf, LONG, MIB, observing } from '../../support/peers/gateway-tools.ts';
import { runOk } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Full-size transfers: 200 MB in and 500 MB out, twenty times, with DAYPASS_LONG=1; a taste of each without. */

const IN = (LONG ? 200 : 5) * MIB;
const OUT = (LONG ? 500 : 12) * MIB;
const TIMES = Array.from({ length: LONG ? 20 : 1 }, (_, n) => n + 1);

let world: GatewayWorld;
let given: string;
let sums: { readonly given: string; readonly taken: string };
beforeAll(async () => {
  world = await GatewayWorld.start();
  given = join(world.folder.path, 'given');
  const taken = join(world.folder.path, 'taken');
  // Bytes without a pattern, and different ones in each run.
  for (const [path, bytes] of [
    [given, IN],
    [taken, OUT],
  ] as const) {
    await runOk('dd', ['if=/dev/urandom', `of=${path}`, 'bs=1M', `count=${bytes / MIB}`, 'status=none']);
  }
  const sum = async (path: string): Promise<string> => (await runOk('sha256sum', [path])).slice(0, 64);
  sums = { given: await sum(given), taken: await sum(taken) };
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe.each(WAYS)('by way of %s', (way) => {
  it.each(TIMES)(
    `${IN / MIB} MiB in and ${OUT / MIB} MiB out are the same bytes, and so the record says, round %i`,
    async () => {
      const { reports } = await observing(world, async () => {
        await using client = sshClient(world, [way, 'sha256sum']);
        const { stdin } = client.child;
        if (!stdin) throw new Error('no stdin');
        createReadStream(given).pipe(stdin);
        const [said] = await Promise.all([client.stdout.toArray(), client.exited]);
        expect(Buffer.concat(said).toString()).toBe(`${sums.given}  -\n`);
        await using out = sshClient(world, [way, `cat ${join(world.folder.path, 'taken')}`]);
        expect(await sha256Of(out.stdout)).toEqual({ bytes: OUT, sha256: sums.taken });
        expect(await out.exited).toBe(0);
      });
      expect(channelsOf(reports)).toMatchObject([
        { bytesFromClient: IN, stdinSha256: sums.given },
        { bytesToClient: OUT, stdoutSha256: sums.taken, exit: { kind: 'status', code: 0 } },
      ]);
    },
  );
});

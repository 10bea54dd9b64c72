import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import type { ReportedRecording } from '../../../src/access/session-report.ts';
import { loadKeys } from '../../../src/ca/keys.ts';
import { recordingChecker, recordingSigner } from '../../../src/ca/recordings.ts';
import { LEDGER_FILE, Ledger } from '../../../src/recording/archive/ledger.ts';
import { sealRecording } from '../../../src/recording/archive/seal.ts';
import { verifyRecording } from '../../../src/recording/archive/verify.ts';
import { verifyAll } from '../../../src/recording/archive/verify-all.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { exportRecording } from '../../../src/recording/read/export.ts';
import { openKey } from '../../../src/recording/read/read.ts';
import type { SealOutcome } from '../../../src/use-cases/sessions/gateway-control.ts';
import { ssh, sshTerminal } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { reader } from '../../support/worlds/reader.ts';
import { bytesOf, readBack } from '../../support/worlds/recorded.ts';

describe('a recording that the gateway made', () => {
  let world: GatewayWorld;
  let ledger: Ledger | null = null;
  let outcomes: SealOutcome[] = [];
  let tamper: (folder: string) => void = () => {};

  /** What app.ts does, on the keys of this world. */
  async function seal(folder: string, reported: ReportedRecording | null): Promise<SealOutcome> {
    tamper(folder);
    const recordings = dirname(folder);
    const keys = loadKeys(join(dirname(recordings), 'keys'));
    const signer = recordingSigner(keys);
    const checker = recordingChecker(keys.recordingPublicKey);
    ledger ??= await Ledger.open(join(recordings, LEDGER_FILE), signer, checker);
    const sealed = await sealRecording({ signer, checker, ledger, now: () => new Date() }, folder, reported);
    const outcome: SealOutcome = sealed ? { kind: 'sealed', ...sealed } : { kind: 'none' };
    outcomes.push(outcome);
    return outcome;
  }

  beforeEach(async () => {
    outcomes = [];
    tamper = () => {};
    world = await GatewayWorld.start({ seal });
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
    await ledger?.[Symbol.asyncDispose]();
    ledger = null;
  });

  const folderOf = (id: SessionId) => join(world.folder.path, 'recordings', id);
  const verify = (id: SessionId) => verifyRecording(folderOf(id), id, recordingChecker(world.keys.recordingPublicKey));

  it('is sealed as its worker reported it before control hears of the end, and verifies', async () => {
    expect((await ssh(world, ['direct', 'echo hello; echo oops >&2'])).code).toBe(0);
    const id = await world.control.session(0);
    const { report } = await world.control.closing(id);
    expect(report.recording).not.toBeNull();
    expect(outcomes).toEqual([expect.objectContaining({ state: 'closed', doubts: [], ...report.recording })]);
    expect(await verify(id)).toMatchObject({ state: 'closed', problems: [], head: report.recording?.head });
    const checker = recordingChecker(world.keys.recordingPublicKey);
    const recordings = join(world.folder.path, 'recordings');
    expect(await verifyAll(recordings, checker, { told: () => {}, progress: () => {} })).toMatchObject({
      ...{ lines: 1, problems: [] },
    });
    const key = await openKey(folderOf(id), [reader.identity]);
    const out = join(world.folder.path, 'out');
    const wanted = { out, format: 'raw', channel: null } as const;
    expect((await exportRecording(folderOf(id), key, wanted)).broken).toBeNull();
    expect(readFileSync(join(out, 'channel-0.stdout'), 'utf8')).toBe('hello\n');
    expect(readFileSync(join(out, 'channel-0.stderr'), 'utf8')).toBe('oops\n');
  });

  it('is sealed as interrupted where its worker was killed, holds what was shown, and verifies', async () => {
    using terminal = sshTerminal(world, ['-tt', 'direct', 'sh']);
    await terminal.shows(/[#$>] $/);
    terminal.type('echo almost""lost\r');
    await terminal.shows(/almostlost/);
    // Written within 15 ms of being shown.
    const spooled = join(world.folder.path, 'spool', world.control.sessions[0] ?? '');
    await expect
      .poll(async () => bytesOf(await readBack(spooled), 0, FRAME.stdout).toString())
      .toContain('almostlost\r\n');
    const [pid = 0] = world.gateway.workers;
    process.kill(pid, 'SIGKILL');
    const id = await world.control.session(0);
    await world.control.closing(id);
    expect(outcomes).toEqual([expect.objectContaining({ state: 'interrupted', doubts: [] })]);
    expect(await verify(id)).toMatchObject({ state: 'interrupted', problems: [] });
    const key = await openKey(folderOf(id), [reader.identity]);
    const out = join(world.folder.path, 'out');
    const { broken } = await exportRecording(folderOf(id), key, { out, format: 'cast', channel: null });
    expect(broken).toBeNull();
    expect(readFileSync(join(out, 'channel-0.cast'), 'utf8')).toContain('almostlost');
  });

  it('that is not what its worker reported is sealed as interrupted, with a doubt', async () => {
    tamper = (folder) => {
      const path = join(folder, 'recording.bin');
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      writeFileSync(path, bytes);
    };
    await ssh(world, ['direct', 'true']);
    await world.control.closing(await world.control.session(0));
    expect(outcomes).toEqual([
      expect.objectContaining({
        state: 'interrupted',
        doubts: ['the recording is not the one that the worker reported'],
      }),
    ]);
  });
});

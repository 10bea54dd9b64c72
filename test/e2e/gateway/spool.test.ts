import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionId } from '../../../src/access/ids.ts';
import { moveRecording } from '../../../src/gateway/launch/local-host.ts';
import { Spool } from '../../../src/gateway/launch/spool.ts';
import { fileRecording } from '../../../src/gateway/supervisor/filing.ts';
import { replaceFile } from '../../../src/recording/format/folder.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { sessionId } from '../../support/worlds/recordings.ts';

const CONTROL = { uid: 64_001, gid: 64_001 };
const WORKER = { uid: 64_002, gid: 64_002 };
const ID = SessionId.parse(sessionId(1));
const SECRET = 'nobody but its owner reads or changes this';

let folder: TestFolder;
let spool: string;
let recordings: string;
let decoy: string;

beforeEach(() => {
  folder = testFolder('/tmp');
  spool = join(folder.path, 'spool');
  recordings = join(folder.path, 'recordings');
  decoy = join(folder.path, 'decoy');
  mkdirSync(spool);
  mkdirSync(recordings);
  mkdirSync(decoy, { mode: 0o750 });
  writeFileSync(join(decoy, 'file'), SECRET, { mode: 0o640 });
});
afterEach(() => folder[Symbol.dispose]());

/** Exchanges two folders of its own for as long as it lives. */
const SWAP = `
  const { renameSync } = require('node:fs');
  const [a, b] = process.argv.slice(1);
  require('node:fs').writeSync(1, 'on');
  for (;;) for (const [from, to] of [[a, a + '-aside'], [b, a], [a, b], [a + '-aside', a]]) try { renameSync(from, to); } catch {}
`;

const pipe = (path: string): void => {
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
};
const session = (): string => join(spool, ID);
const inside = (name: string): string => {
  mkdirSync(session(), { recursive: true });
  return join(session(), name);
};

/** What a worker in strange hands puts in the place of a recording, or into it. */
const FORGERIES: readonly (readonly [string, () => void])[] = [
  ['a link in the place of the folder', () => symlinkSync(decoy, session())],
  ['a file in the place of the folder', () => writeFileSync(session(), 'x')],
  ['a pipe in the place of the folder', () => pipe(session())],
  ['a link in the place of the manifest', () => symlinkSync(join(decoy, 'file'), inside('manifest.json'))],
  ['a link to a folder', () => symlinkSync(decoy, inside('recording.bin'))],
  ['a link that leads nowhere', () => symlinkSync('/nowhere/at/all', inside('key.age'))],
  ['a second name of a file of others', () => linkSync(join(decoy, 'file'), inside('recording.bin'))],
  ['a pipe that nobody writes', () => pipe(inside('recording.bin'))],
  ['a folder in the folder', () => mkdirSync(inside('manifest.json'))],
  [
    'more files than any session leaves',
    () => {
      for (let n = 0; n < 4_100; n += 1) writeFileSync(inside(`f${n}`), '');
    },
  ],
];

const untouched = (): void => {
  expect(readFileSync(join(decoy, 'file'), 'utf8')).toBe(SECRET);
  const { uid, gid } = process.getuid ? { uid: process.getuid(), gid: process.getgid?.() } : { uid: 0, gid: 0 };
  expect(statSync(join(decoy, 'file'))).toMatchObject({ uid, gid, mode: 0o100_640 });
  expect(statSync(decoy)).toMatchObject({ uid, gid, mode: 0o40_750 });
};

describeAsRoot('between two accounts', () => {
  /** As its worker owns it, links themselves and not what they lead to. */
  const give = (): void => {
    spawnSync('chown', ['-hR', `${WORKER.uid}:${WORKER.gid}`, spool]);
    // That one is not the worker's to give.
    chownSync(join(decoy, 'file'), 0, 0);
  };
  const opened = (): Promise<Spool> => {
    chownSync(recordings, CONTROL.uid, CONTROL.gid);
    return Spool.open({ spool, recordings }, WORKER, CONTROL);
  };

  it.each(FORGERIES)('%s is followed nowhere and filed nowhere', async (_name, forge) => {
    forge();
    give();
    await using files = await opened();
    await expect(files.collect(ID)).rejects.toThrow();
    expect(readdirSync(recordings)).toEqual([]);
    untouched();
  });

  it('a file that the worker does not own is not taken over', async () => {
    writeFileSync(inside('manifest.json'), SECRET, { mode: 0o600 });
    give();
    chownSync(inside('manifest.json'), 1, 1);
    await using files = await opened();
    await expect(files.collect(ID)).rejects.toThrow(/something other than plain files of its worker/);
    expect(statSync(inside('manifest.json')).uid).toBe(1);
  });

  it.each([
    ['a link to a file of control’s', symlinkSync],
    ['a second name of a file that control owns', linkSync],
    ['a second name that the worker keeps of its own file', linkSync],
  ])('%s is not filed', async (name, link) => {
    const owner = name.includes('control') ? CONTROL : WORKER;
    link(join(decoy, 'file'), inside('recording.bin'));
    give();
    chownSync(join(decoy, 'file'), owner.uid, owner.gid);
    await using files = await opened();
    await expect(files.collect(ID)).rejects.toThrow(/ELOOP|something other than plain files of its worker/);
    expect(readdirSync(recordings)).toEqual([]);
    expect(statSync(join(decoy, 'file'))).toMatchObject({ uid: owner.uid, mode: 0o100_640 });
  });

  it('a finished recording is not replaced by one of the same name', async () => {
    mkdirSync(join(recordings, ID));
    writeFileSync(join(recordings, ID, 'manifest.json'), SECRET);
    writeFileSync(inside('manifest.json'), '{}');
    give();
    await using files = await opened();
    await expect(files.collect(ID)).rejects.toThrow();
    expect(readFileSync(join(recordings, ID, 'manifest.json'), 'utf8')).toBe(SECRET);
  });

  it('a plain folder of plain files goes over, and is control’s alone', async () => {
    writeFileSync(inside('manifest.json'), '{}', { mode: 0o666 });
    give();
    await using files = await opened();
    expect(await files.collect(ID)).toBe(true);
    expect(statSync(join(recordings, ID))).toMatchObject({ uid: CONTROL.uid, mode: 0o40_700 });
    expect(statSync(join(recordings, ID, 'manifest.json'))).toMatchObject({ uid: CONTROL.uid, mode: 0o100_600 });
    expect(existsSync(session())).toBe(false);
    expect(await files.collect(ID)).toBe(false);
  });

  it('what a worker still holds open is not what was filed', async () => {
    writeFileSync(inside('recording.bin'), SECRET);
    give();
    const held = openSync(inside('recording.bin'), 'r+');
    try {
      await using files = await opened();
      await files.collect(ID);
      writeSync(held, 'overwritten', 0);
      expect(readFileSync(join(recordings, ID, 'recording.bin'), 'utf8')).toBe(SECRET);
    } finally {
      closeSync(held);
    }
  });

  // Whether a folder is swapped just in time is chance: some of these are.
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'what is filed is what was checked, whatever the worker swaps it for (%i)',
    async () => {
      // Many: checking them takes a while.
      for (let n = 0; n < 100; n += 1) writeFileSync(inside(`${n}`), '');
      writeFileSync(inside('manifest.json'), '{}');
      const other = join(spool, 'other');
      mkdirSync(other);
      symlinkSync(join(decoy, 'file'), join(other, 'manifest.json'));
      give();
      chmodSync(folder.path, 0o711);
      const swapping = spawn(process.execPath, ['-e', SWAP, session(), other], { ...WORKER });
      try {
        await once(swapping.stdout, 'data');
        await using files = await opened();
        for (let round = 0; round < 20 && !existsSync(join(recordings, ID)); round += 1) {
          await files.collect(ID).catch(() => {});
        }
        for (const name of readdirSync(recordings).filter((each) => each === ID)) {
          expect(statSync(join(recordings, name))).toMatchObject({ uid: CONTROL.uid, mode: 0o40_700 });
          expect(lstatSync(join(recordings, name, 'manifest.json'))).toMatchObject({
            uid: CONTROL.uid,
            mode: 0o100_600,
          });
        }
        untouched();
      } finally {
        swapping.kill('SIGKILL');
      }
    },
  );

  it('a run that was killed on the way is taken up by the next', async () => {
    chownSync(recordings, CONTROL.uid, CONTROL.gid);
    const taken = join(recordings, `.${ID}.taken`);
    mkdirSync(taken);
    writeFileSync(join(taken, 'recording.bin'), SECRET);
    chownSync(join(taken, 'recording.bin'), WORKER.uid, WORKER.gid);
    mkdirSync(join(recordings, `.${ID}.filing`));
    writeFileSync(join(recordings, `.${ID}.filing`, 'recording.bin'), 'half');
    await using files = await opened();
    expect(await files.left()).toEqual([ID]);
    expect(await files.collect(ID)).toBe(true);
    expect(readdirSync(recordings)).toEqual([ID]);
    expect(readFileSync(join(recordings, ID, 'recording.bin'), 'utf8')).toBe(SECRET);
  });

  it('a link in the place of the spool or of the recordings opens nothing', async () => {
    for (const name of ['spool', 'recordings'] as const) {
      const link = join(folder.path, `${name}-link`);
      symlinkSync(decoy, link);
      const folders = { spool, recordings, [name]: link };
      await expect(Spool.open(folders, WORKER, CONTROL)).rejects.toThrow(/ENOTDIR|ELOOP/);
    }
    untouched();
  });
});

describe('under one account', () => {
  const move = (id: SessionId): Promise<boolean> => moveRecording(spool, recordings, id);

  it.each(FORGERIES.slice(0, -1))('%s is followed nowhere', async (_name, forge) => {
    forge();
    await fileRecording({ collect: move }, recordings, ID).catch(() => {});
    untouched();
    const filed = lstatSync(join(recordings, ID), { throwIfNoEntry: false });
    expect(filed?.isDirectory() ?? true).toBe(true);
  });

  it('a manifest is written into a file of its own, whatever lies in its place', async () => {
    const forgeries = [
      () => linkSync(join(decoy, 'file'), inside('manifest.json.new')),
      () => symlinkSync(join(decoy, 'file'), inside('manifest.json.new')),
      () => pipe(inside('manifest.json.new')),
    ];
    for (const forge of forgeries) {
      forge();
      await replaceFile(session(), 'manifest.json', '{"own":true}');
      expect(readFileSync(inside('manifest.json'), 'utf8')).toBe('{"own":true}');
    }
    untouched();
  });
});

it('what a worker left in the spool keeps the gateway from nothing, and is said in the log', async () => {
  for (const [n, [, forge]] of FORGERIES.slice(0, -1).entries()) {
    forge();
    spawnSync('mv', ['-T', session(), join(spool, sessionId(n + 100))]);
  }
  inside('');
  const lines: string[] = [];
  const late: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const sealLate = async (path: string): Promise<void> => void late.push(path);
  await using world = await GatewayWorld.start({ spool, recordings, log, sealLate });
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  expect(lines.filter((line) => line.includes('a recording could not be moved out of the spool'))).toHaveLength(3);
  // Each is told, whether it could be filed or not.
  expect(late).toHaveLength(FORGERIES.length);
  untouched();
});

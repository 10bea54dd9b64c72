import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/access/ids.ts';
import { ssh, WAYS, type Way } from '../../support/peers/gateway-client.ts';
import { channelsOf, FILES_ONLY, refusalsOf, sha256OfFile } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Ansible, which shares connections (ControlPersist) and forks. */

const FORKS = 10;

let world: GatewayWorld;
let files: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
  files = await GatewayWorld.start({ scopeName: 'files-rw' });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
});

const place = (...names: string[]): string => join(world.folder.path, ...names);

/** Runs one module on every host, and ends the connections that Ansible leaves for the next run. */
async function ansible(of: GatewayWorld, way: Way, args: readonly string[], env: Record<string, string> = {}) {
  const sockets = join(of.folder.path, 'cp');
  const own = join(of.folder.path, 'ansible');
  mkdirSync(sockets, { recursive: true, mode: 0o700 });
  mkdirSync(own, { recursive: true });
  // Whoever runs the tests has settings of their own.
  const configuration = join(own, 'ansible.cfg');
  writeFileSync(configuration, '');
  const inventory = join(own, `${way}.ini`);
  const hosts = Array.from({ length: FORKS }, (_, n) => `host${n} ansible_host=${way}`);
  const python = 'ansible_python_interpreter=/usr/bin/python3';
  writeFileSync(
    inventory,
    `[all]\n${hosts.join('\n')}\n[all:vars]\n${python}\nansible_ssh_common_args=-F ${of.sshConfig}\n`,
  );
  const before = of.control.sessions.length;
  const outcome = await run('ansible', ['-i', inventory, ...args], {
    env: {
      ...{
        HOME: own,
        ANSIBLE_CONFIG: configuration,
        ANSIBLE_LOCAL_TEMP: own,
        ANSIBLE_REMOTE_TEMP: join(own, 'remote'),
      },
      ...{
        ANSIBLE_SSH_CONTROL_PATH_DIR: sockets,
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_FORCE_COLOR: '0',
        LC_ALL: 'C.UTF-8',
        ...env,
      },
    },
    timeoutMs: 100_000,
  });
  for (const name of readdirSync(sockets)) await ssh(of, ['-S', join(sockets, name), '-O', 'exit', way]);
  const ids: readonly SessionId[] = of.control.sessions.slice(before);
  return { outcome, reports: await Promise.all(ids.map(async (id) => (await of.control.closing(id)).report)) };
}

const succeeded = (text: string): number => text.match(/^host\d \| (?:SUCCESS|CHANGED)/gm)?.length ?? 0;

describe.each(WAYS)('by way of %s', (way) => {
  it('ping answers, over one connection that is kept for the next step', async () => {
    const { outcome, reports } = await ansible(world, way, ['host0', '-m', 'ping']);
    expect(outcome.stderr).not.toMatch(/ERROR|UNREACHABLE/);
    expect(outcome.stdout).toMatch(/host0 \| SUCCESS[\s\S]*"ping": "pong"/);
    expect(outcome.code).toBe(0);
    expect(reports).toMatchObject([{ ending: { how: 'closed' }, refusals: [] }]);
    const kinds = new Set(channelsOf(reports).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['exec', 'subsystem']));
    const commands = channelsOf(reports).map(({ command }) => command);
    expect(commands.some((each) => each?.includes('AnsiballZ_ping.py'))).toBe(true);
    for (const { exit } of channelsOf(reports)) expect(exit).toEqual({ kind: 'status', code: 0 });
  });

  it('copy moves a file by sftp, which the log counts', async () => {
    const [here, there] = [place(`copy-${way}`), place(`copied-${way}`)];
    writeFileSync(here, randomBytes(300_000));
    const { outcome, reports } = await ansible(world, way, [
      'host0',
      '-m',
      'copy',
      '-a',
      `src=${here} dest=${there} mode=0600`,
    ]);
    expect(outcome.stdout).toMatch(/host0 \| CHANGED/);
    expect(sha256OfFile(there)).toBe(sha256OfFile(here));
    const moved = channelsOf(reports).filter(({ label }) => label === 'sftp');
    expect(moved.length).toBeGreaterThan(0);
    for (const channel of moved)
      expect(channel).toMatchObject({ coverage: 'metadata', files: { hashed: channel.files?.written } });
  });

  it('shell with pipelining sends the module through stdin of a command, and no file', async () => {
    const { outcome, reports } = await ansible(
      world,
      way,
      ['host0', '-m', 'shell', '-a', 'echo out $((40 + 2)); exit 3'],
      {
        ANSIBLE_PIPELINING: '1',
      },
    );
    expect(outcome.stdout).toMatch(/host0 \| FAILED \| rc=3 >>\nout 42/);
    expect(outcome.code).toBe(2);
    const channels = channelsOf(reports);
    expect(new Set(channels.map(({ kind }) => kind))).toEqual(new Set(['exec']));
    expect(Math.max(...channels.map(({ bytesFromClient }) => bytesFromClient))).toBeGreaterThan(50_000);
  });

  it(`${FORKS} forks share one connection, or have one each, and all of them come through`, async () => {
    const mark = place(`forks-${way}`);
    const act = ['all', '-f', String(FORKS), '-m', 'shell', '-a', `echo x >> ${mark}; sleep 0.5`];
    const pipelining = { ANSIBLE_PIPELINING: '1' };
    const shared = await ansible(world, way, act, pipelining);
    expect(succeeded(shared.outcome.stdout)).toBe(FORKS);
    expect(shared.outcome.code).toBe(0);
    const single = await ansible(world, way, act, { ...pipelining, ANSIBLE_SSH_ARGS: '-o ControlMaster=no' });
    expect(succeeded(single.outcome.stdout)).toBe(FORKS);
    expect(single.reports.length).toBeGreaterThanOrEqual(FORKS);
    expect(readFileSync(mark, 'utf8')).toBe('x\n'.repeat(2 * FORKS));
    expect(refusalsOf([...shared.reports, ...single.reports])).toEqual([]);
  });

  it('is refused under files-rw: it names the exit status, and where it keeps stderr, the sentence', async () => {
    const act = ['host0', '-m', 'shell', '-a', `touch ${place('never')}`];
    const short = await ansible(files, way, act);
    const pipelined = await ansible(files, way, act, { ANSIBLE_PIPELINING: '1' });
    expect(short.outcome.stdout).toMatch(/exited with result 254/);
    expect(pipelined.outcome.stdout).toMatch(FILES_ONLY);
    for (const { outcome, reports } of [short, pipelined]) {
      expect(outcome.code).not.toBe(0);
      expect(channelsOf(reports)).toEqual([]);
      expect(refusalsOf(reports).length).toBeGreaterThan(0);
    }
    expect(existsSync(place('never'))).toBe(false);
  });
});

import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ssh, sshClient, WAYS, type Way } from '../../support/peers/gateway-client.ts';
import { FILES_ONLY, freePort, observing } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** One connection of ssh that many share (ControlMaster). */

let world: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe.each(WAYS)('ControlMaster by way of %s', (way) => {
  const mux = (socket: string, args: readonly string[]) =>
    ssh(world, ['-S', socket, '-o', 'ControlMaster=no', ...args]);

  it('is one session whose channels are told apart; -O exit ends it', async () => {
    const socket = join(world.folder.path, `m-${way}`);
    await using master = await startMaster(socket, way);
    const { reports } = await observing(world, async () => {
      const ran = await Promise.all(
        Array.from({ length: 8 }, (_, n) => mux(socket, [way, `cat; echo ${n}; exit ${n}`]).then(({ code }) => code)),
      );
      expect(ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });
    expect(reports).toEqual([]);
    const id = await world.control.session(world.control.sessions.length - 1);
    expect((await mux(socket, ['-O', 'exit', way])).stderr).toMatch(/Exit request sent/);
    await master.exited;
    const { report } = await world.control.closing(id);
    expect(report.channels.map(({ command }) => command).toSorted()).toEqual(
      Array.from({ length: 8 }, (_, n) => `cat; echo ${n}; exit ${n}`),
    );
    for (const { command, exit } of report.channels) {
      expect(exit).toEqual({ kind: 'status', code: Number(command?.at(-1)) });
    }
  });

  it('-O stop takes no more and lets what runs end', async () => {
    const socket = join(world.folder.path, `s-${way}`);
    await using master = await startMaster(socket, way);
    await using running = sshClient(world, ['-S', socket, '-o', 'ControlMaster=no', way, 'echo on; read x; echo $x']);
    await once(running.stdout, 'data');
    expect((await mux(socket, ['-O', 'stop', way])).stderr).toMatch(/Stop listening/);
    running.child.stdin?.end('last\n');
    const [last] = (await once(running.stdout, 'data')) as [Buffer];
    expect(last.toString()).toBe('last\n');
    expect(await running.exited).toBe(0);
    master.child.kill();
  });

  it('-O forward opens a port whose tunnel the scope refuses, with a sentence and a line in the list', async () => {
    const socket = join(world.folder.path, `f-${way}`);
    await using master = await startMaster(socket, way);
    const id = await world.control.session(world.control.sessions.length - 1);
    const port = await freePort();
    const forwarded = await mux(socket, ['-O', 'forward', '-L', `${port}:127.0.0.1:${world.sshd.port}`, way]);
    expect(forwarded.code).toBe(0);
    const { stdout } = await run('sh', ['-c', `exec ssh-keyscan -T 2 -p ${port} 127.0.0.1`]);
    expect(stdout).toBe('');
    const reverse = await mux(socket, ['-O', 'forward', '-R', '0:127.0.0.1:9', way]);
    expect(reverse.code).not.toBe(0);
    await mux(socket, ['-O', 'exit', way]);
    await master.exited;
    const { refusals } = (await world.control.closing(id)).report;
    expect(refusals).toContain(`a tunnel to 127.0.0.1:${world.sshd.port} was refused`);
    expect(refusals).toContain('a tunnel from the target (-R) was refused');
    expect(master.stderr()).toMatch(/administratively prohibited: daypass: scope shell does not allow a tunnel/);
  });
});

async function startMaster(socket: string, way: Way) {
  const next = world.control.sessions.length;
  const master = sshClient(world, ['-M', '-N', '-S', socket, '-o', 'ControlPersist=no', way]);
  await world.control.openedSession(next);
  await expect
    .poll(async () => (await ssh(world, ['-S', socket, '-O', 'check', way])).code, { timeout: 10_000 })
    .toBe(0);
  return master;
}

describe.each(WAYS)('ControlMaster under files-rw, by way of %s', (way) => {
  let files: GatewayWorld;
  beforeAll(async () => {
    files = await GatewayWorld.start({ scopeName: 'files-rw' });
  });
  afterAll(() => files?.[Symbol.asyncDispose]());

  it('each channel of a ControlMaster is refused by itself', async () => {
    const socket = join(files.folder.path, `r-${way}`);
    const next = files.control.sessions.length;
    await using master = sshClient(files, ['-M', '-N', '-S', socket, '-o', 'ControlPersist=no', way]);
    const id = await files.control.openedSession(next);
    await expect.poll(async () => (await ssh(files, ['-S', socket, '-O', 'check', way])).code).toBe(0);
    const outcomes = await Promise.all([1, 2, 3].map(() => ssh(files, ['-S', socket, way, 'id'])));
    for (const { code, stderr } of outcomes) {
      expect(code).toBe(254);
      expect(stderr).toMatch(FILES_ONLY);
    }
    await ssh(files, ['-S', socket, '-O', 'exit', way]);
    await master.exited;
    expect((await files.control.closing(id)).report.refusals).toHaveLength(3);
  });
});

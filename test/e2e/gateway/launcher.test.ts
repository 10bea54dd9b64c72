import { once } from 'node:events';
import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testFolder } from '../../support/checks/folder.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { ssh, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import { ServiceManager } from '../../support/peers/service-manager.ts';
import { CONTROL_ID, LaunchedWorld, WORKER_ID } from '../../support/worlds/launched-world.ts';

let world: LaunchedWorld;
let manager: ServiceManager;
const folder = testFolder();

const AS_WORKER = ['--reuid', String(WORKER_ID), '--regid', String(WORKER_ID), '--clear-groups', '--'];
const asWorker = (...command: string[]) => run('setpriv', [...AS_WORKER, ...command]);

type Row = { readonly id: string; readonly state: string };
const sessions = async (): Promise<Row[]> =>
  JSON.parse((await world.cli('sessions', 'list', '--all', '--json')).stdout) as Row[];

/** Files come and go in a recording while it is being sealed. */
const sealed = (recording: string) => expect.poll(() => existsSync(join(recording, 'manifest.json.sig'))).toBe(true);

/** What `serve` says to an ordinary user is in command-line.test.ts. */
describeAsRoot('daypass serve as root', () => {
  beforeAll(async () => {
    manager = await ServiceManager.listen(join(folder.path, 'notify'));
    world = await LaunchedWorld.start({ notifySocket: manager.path });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await manager?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it('tells the service manager once people can connect', async () => {
    await expect.poll(() => manager.heard.filter((each) => each.includes('READY=1')).length).toBe(1);
    expect(manager.heard.filter((each) => each.includes('STOPPING=1'))).toEqual([]);
  });

  it('runs control and workers under accounts of their own, and says so', async () => {
    expect(world.lines).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining('their own accounts'), workers: WORKER_ID }),
    );
    expect(await world.pids(CONTROL_ID)).toHaveLength(1);
    expect(await world.pids(WORKER_ID)).toHaveLength(2);
    for (const pid of [...(await world.pids(CONTROL_ID)), ...(await world.pids(WORKER_ID))]) {
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Groups:\s*$/m);
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\s+0+$/m);
    }
  });

  it.each(WAYS)('does the whole job, by way of %s', async (way) => {
    const before = (await sessions()).length;
    expect(await ssh(world, [way, 'echo in; echo err >&2; exit 7'])).toMatchObject({ code: 7, stdout: 'in\n' });
    const rows = await sessions();
    expect(rows).toHaveLength(before + 1);
    const folder = join(world.folder.path, 'data', 'recordings', rows[0]?.id ?? '');
    await sealed(folder);
    expect(statSync(folder)).toMatchObject({ uid: CONTROL_ID, mode: 0o40_700 });
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name))).toMatchObject({ uid: CONTROL_ID, mode: 0o100_600 });
    }
    expect(readdirSync(join(world.folder.path, 'data', 'spool'))).toEqual([]);
  });

  it('reads its targets again at SIGHUP and reload, and sessions go on', async () => {
    const path = join(world.folder.path, 'targets.yml');
    const before = readFileSync(path, 'utf8');
    await using client = sshClient(world, ['direct', 'echo on; read line; echo "$line"']);
    const lines = createInterface(client.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('on');
    const read = (n: number) => world.said((line) => line.msg === 'the configuration was reloaded', n);

    writeFileSync(path, before.replace('name: Web', 'name: Another'));
    expect(await world.cli('targets', 'list')).toMatchObject({ stderr: expect.stringContaining('daypass reload') });
    for (const pid of [...(await world.pids(WORKER_ID)), world.launcher]) process.kill(pid, 'SIGHUP');
    expect(await read(1)).toMatchObject({ applied: ['targets: web-01: name changed'], atNextStart: [] });
    expect(await world.cli('targets', 'list')).toMatchObject({ code: 0, stderr: '' });

    writeFileSync(path, 'targets: [{}]');
    const refused = await world.cli('reload');
    writeFileSync(path, before);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Nothing was changed.*targets\.0\.id: missing/s),
    });
    expect(await world.cli('reload')).toMatchObject({ code: 0, stdout: 'targets: web-01: name changed\n' });
    await read(2);

    client.child.stdin?.end('still here\n');
    expect((await lines.next()).value).toBe('still here');
    expect(await client.exited).toBe(0);
  });

  it('lets a worker’s account reach neither key, nor control, nor a recording', async () => {
    const data = join(world.folder.path, 'data');
    const [control] = await world.pids(CONTROL_ID);
    // One that is being filed at this moment begins with a dot.
    const [recording = ''] = readdirSync(join(data, 'recordings')).filter((name) => !name.startsWith('.'));
    await sealed(join(data, 'recordings', recording));
    const forbidden = [
      ...readdirSync(join(data, 'keys')).map((name) => join(data, 'keys', name)),
      ...['environ', 'mem', 'fd/0', 'maps'].map((name) => `/proc/${control}/${name}`),
      ...['environ', 'mem'].map((name) => `/proc/${world.launcher}/${name}`),
      ...readdirSync(join(data, 'recordings', recording)).map((name) => join(data, 'recordings', recording, name)),
      join(data, 'db', 'PG_VERSION'),
    ];
    expect(forbidden.length).toBeGreaterThan(12);
    for (const path of forbidden) {
      statSync(path.replace(/\/fd\/0$/, ''));
      const { code, stderr } = await asWorker('head', '-c', '1', path);
      expect({ path, code, stderr }).toEqual({ path, code: 1, stderr: expect.stringMatching(/Permission denied/) });
    }
    for (const path of [`/proc/${control}/fd`, join(data, 'db'), join(data, 'recordings'), data]) {
      expect(await asWorker('ls', path)).toMatchObject({ stderr: expect.stringMatching(/Permission denied/) });
    }
    const socket = join(data, 'control.sock');
    expect(statSync(socket)).toMatchObject({ uid: CONTROL_ID });
    const connect = `require('net').connect(${JSON.stringify(socket)}).on('error', (e) => { process.stdout.write(e.code) })`;
    expect(await asWorker(process.execPath, '-e', connect)).toMatchObject({ stdout: 'EACCES' });
    expect(await asWorker('kill', '-0', String(control))).toMatchObject({ code: 1 });
  });

  it('leaves no secret in a worker’s environment, and no descriptor of the database or the keys', async () => {
    for (const pid of await world.pids(WORKER_ID)) {
      expect(await runOk('cat', [`/proc/${pid}/environ`])).not.toMatch(/SLACK|xox|xapp|DATABASE/);
      const open = await runOk('ls', ['-l', `/proc/${pid}/fd`]);
      expect(open).not.toMatch(/data\/(?:db|keys|recordings)/);
    }
    const [control] = await world.pids(CONTROL_ID);
    expect(await runOk('cat', [`/proc/${control}/environ`])).toMatch(/SLACK_BOT_TOKEN=xoxb-/);
  });

  it('starts a control that was killed again; its sessions are interrupted and filed', async () => {
    const [before = -1] = await world.pids(CONTROL_ID);
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    process.kill(before, 'SIGKILL');
    expect(await client.exited).toBe(255);
    // What it is told while it starts, it does once it can: it may have read the old files.
    await expect.poll(() => world.pids(CONTROL_ID).then((pids) => pids.some((pid) => pid !== before))).toBe(true);
    const reloads = world.lines.filter((line) => line.msg === 'the configuration was reloaded').length;
    process.kill(world.launcher, 'SIGHUP');
    await world.said((line) => line.msg === 'ready', 2);
    await world.said((line) => line.msg === 'the configuration was reloaded', reloads + 1);
    const [row] = await sessions();
    expect(row).toMatchObject({ state: expect.stringContaining('interrupted') });
    const filed = join(world.folder.path, 'data', 'recordings', row?.id ?? '');
    expect(statSync(filed)).toMatchObject({ uid: CONTROL_ID });
  });

  it('stops everything when it is told to, after it has told who is there', async () => {
    await world.stop();
    await world.serve();
    const pids = [...(await world.pids(CONTROL_ID)), ...(await world.pids(WORKER_ID))];
    await using client = sshClient(world, ['direct', 'echo in; cat']);
    await once(client.stdout, 'data');
    expect(await world.stop()).toBe(0);
    expect(await client.exited).toBe(255);
    expect(client.stderr()).toMatch(/this session ends in 1 seconds/);
    expect(client.stderr()).toMatch(/session ended: the gateway is restarting/);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    await expect.poll(() => manager.heard).toContain('STOPPING=1');
  });

  it('reads its files again by itself, and keeps what it has where it cannot use them', async () => {
    await world.stop();
    const settings = join(world.folder.path, 'daypass.yml');
    const targets = join(world.folder.path, 'targets.yml');
    const [manual, before] = [readFileSync(settings, 'utf8'), readFileSync(targets, 'utf8')];
    writeFileSync(settings, manual.replace('reload: manual', 'reload: auto'));
    await world.serve();
    writeFileSync(targets, 'targets: [{}]');
    const refused = await world.said((line) => line.msg?.includes('keeping the one in use') === true);
    expect(refused).toMatchObject({ file: 'targets.yml', line: 1, reason: expect.stringContaining('targets.0.id') });
    writeFileSync(targets, before.replace('name: Web', 'name: Third'));
    const read = await world.said((line) => line.msg === 'the configuration was reloaded');
    expect(read).toMatchObject({ applied: ['targets: web-01: name changed'], atNextStart: [] });
    await world.stop();
    writeFileSync(settings, manual);
    writeFileSync(targets, before);
  });

  it('is not kept from starting by what root asks while it does not run', async () => {
    await world.stop();
    const data = join(world.folder.path, 'data');
    expect(await world.cli('grants', 'list')).toMatchObject({ code: 0, stdout: expect.stringContaining('web-01') });
    expect(await world.cli('targets', 'snippet', 'web-01')).toMatchObject({ code: 0, stderr: '' });
    expect(await runOk('find', [join(data, 'db'), join(data, 'db.lock'), '-not', '-user', String(CONTROL_ID)])).toBe(
      '',
    );
    await world.serve();
  });

  it('takes nothing from one that runs, even where it is told of another account', async () => {
    const config = join(world.folder.path, 'daypass.yml');
    const written = readFileSync(config, 'utf8');
    const other = WORKER_ID + 1;
    writeFileSync(config, written.replaceAll(String(WORKER_ID), String(other)));
    const { code } = await world.serveInVain();
    writeFileSync(config, written);
    expect(code).toBe(1);
    expect(statSync(join(world.folder.path, 'data', 'spool'))).toMatchObject({ uid: WORKER_ID });
    expect(await ssh(world, ['direct', 'echo still'])).toMatchObject({ code: 0, stdout: 'still\n' });
  });

  it('ends with the reason where control cannot start', async () => {
    await world.stop();
    const keys = join(world.folder.path, 'data', 'keys');
    chownSync(keys, 0, 0);
    const { code, stderr } = await world.serveInVain();
    chownSync(keys, CONTROL_ID, CONTROL_ID);
    expect(code).toBe(1);
    expect(stderr).toContain(`${keys}: it belongs to user 0, and Daypass runs as user ${CONTROL_ID}`);
    expect(stderr).toContain(`chown -R ${CONTROL_ID} ${keys}\n`);
  });
});

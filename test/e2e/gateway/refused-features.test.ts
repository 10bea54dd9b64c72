import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scp, sftp, ssh, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { freePort } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

describe('what a scope does not hold', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const lastRefusals = async (): Promise<readonly string[]> => {
    const id = await world.control.session(world.control.sessions.length - 1);
    return (await world.control.closing(id)).report.refusals;
  };

  it.each(WAYS)('tunnels from the client are refused and listed, by way of %s', async (way) => {
    const { code, stderr } = await ssh(world, ['-W', '127.0.0.1:22', way]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /administratively prohibited: daypass: scope shell does not allow a tunnel to 127\.0\.0\.1:22/,
    );
    expect(await lastRefusals()).toEqual(['a tunnel to 127.0.0.1:22 was refused']);
  });

  it.each(WAYS)('a port forwarded from the client carries nothing, by way of %s', async (way) => {
    for (const flag of ['-L', '-D']) {
      const port = await freePort();
      const forward = flag === '-L' ? `127.0.0.1:${port}:127.0.0.1:${world.sshd.port}` : `127.0.0.1:${port}`;
      await using client = sshClient(world, [flag, forward, '-o', 'ExitOnForwardFailure=yes', way, 'echo ready; cat']);
      await new Promise((resolve) => client.stdout.once('data', resolve));
      const { stdout } = await throughPort(port, flag === '-D');
      expect(stdout).not.toMatch(/SSH-2\.0/);
      client.child.stdin?.end();
      expect(await client.exited).toBe(0);
      expect(await lastRefusals()).toEqual([expect.stringMatching(/^a tunnel to 127\.0\.0\.1:\d+ was refused$/)]);
    }
  });

  async function throughPort(port: number, isSocks: boolean): Promise<{ stdout: string }> {
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1');
    let stdout = '';
    socket.on('data', (bytes) => {
      stdout += bytes.toString('latin1');
      if (isSocks && stdout.length === 2) {
        // RFC 1928: connect to 127.0.0.1 and the target's port.
        socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, world.sshd.port >> 8, world.sshd.port & 0xff]));
      }
    });
    socket.on('error', () => {});
    if (isSocks) socket.write(Buffer.from([5, 1, 0]));
    await new Promise((resolve) => {
      socket.once('close', resolve);
      setTimeout(() => socket.destroy(), 1_500);
    });
    return { stdout };
  }

  it.each(WAYS)('a tunnel from the target is refused and listed, by way of %s', async (way) => {
    const { stderr } = await ssh(world, ['-R', '127.0.0.1:0:127.0.0.1:9', way, 'true']);
    expect(stderr).toMatch(/remote port forwarding failed/);
    expect(await lastRefusals()).toEqual(['a tunnel from the target (-R) was refused']);
  });

  it('agent and X11 are refused and listed', async () => {
    const env = { DISPLAY: ':7', SSH_AUTH_SOCK: '' };
    const agent = await run('ssh-agent', [
      'sh',
      '-c',
      `ssh -F ${world.sshConfig} -o IdentityAgent=SSH_AUTH_SOCK -A direct 'echo agent=$SSH_AUTH_SOCK'`,
    ]);
    expect(agent.stdout).toBe('agent=\n');
    expect(agent.stderr).toMatch(/daypass: agent forwarding \(-A\) is refused: .*ProxyJump/);
    expect(await lastRefusals()).toEqual(['agent forwarding (-A) was refused']);
    const x11 = await ssh(world, ['-X', 'direct', 'echo display=$DISPLAY'], { env });
    expect(x11.stdout).toBe('display=\n');
    expect(await lastRefusals()).toEqual(['X11 forwarding (-X) was refused']);
  });

  it('nothing but targets is behind the jump', async () => {
    const { stderr } = await ssh(world, ['gateway', 'true']);
    expect(stderr).toMatch(/daypass: "true" is not a command\. Try: help/);
    const elsewhere = await ssh(world, ['-W', '127.0.0.1:22', 'gateway']);
    expect(elsewhere.stderr).toMatch(/daypass: No target is called "127\.0\.0\.1"/);
  });
});

describe('files-rw', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start({ scopeName: 'files-rw' });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it.each(WAYS)('moves files by sftp and both protocols of scp, by way of %s', async (way) => {
    const there = join(world.folder.path, `files-${way}`);
    mkdirSync(there);
    writeFileSync(join(there, 'a'), 'content');
    expect((await sftp(world, way, `put ${there}/a ${there}/b\n`)).code).toBe(0);
    for (const protocol of ['-O', '-s']) {
      expect(await scp(world, [protocol, `${there}/b`, `${way}:${there}/c${protocol}`])).toMatchObject({ code: 0 });
      expect(readFileSync(join(there, `c${protocol}`), 'utf8')).toBe('content');
    }
  });

  it.each(WAYS)('has no shell, no command and no terminal, by way of %s', async (way) => {
    const exec = await ssh(world, [way, 'touch /tmp/x; id']);
    expect(exec).toMatchObject({ code: 254, stdout: '' });
    expect(exec.stderr).toMatch(/daypass: scope files-rw does not allow this command; it allows: Read and write files/);
    const shell = await ssh(world, [way]);
    expect(shell.code).toBe(254);
    expect(shell.stderr).toMatch(/does not allow a shell/);
    const id = await world.control.session(world.control.sessions.length - 1);
    expect((await world.control.closing(id)).report.refusals).toHaveLength(1);
    expect((await ssh(world, ['-tt', way])).stderr).toMatch(/PTY allocation request failed/);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grant } from '../../src/access/grant.ts';
import { AccessWorld, granted } from '../support/access-world.ts';
import { Contractor, ended, enter, sha256, WAYS } from '../support/contractor.ts';
import { SshdTarget } from '../support/sshd-target.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const MB = 1_000_000;
/** Full sizes, three times each, in the long run. */
const ROUNDS = LONG ? 3 : 1;
const STDOUT_BYTES = (LONG ? 500 : 60) * MB;
const STDIN_BYTES = (LONG ? 200 : 30) * MB;

let world: AccessWorld;
let web: SshdTarget;
let contractor: Contractor;
let grant: Grant;

beforeAll(async () => {
  world = await AccessWorld.open();
  web = await SshdTarget.start('web-01', world.login, world.keys.targetCaPublicKey);
  world.targets.push(web.target);
  await world.startGateway();
  contractor = new Contractor();
  grant = await enter(world, contractor);
});

afterAll(async () => {
  contractor?.[Symbol.dispose]();
  await world?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
});

describe.each(WAYS)('by %s, stock OpenSSH', (way) => {
  const host = () => contractor.host(way, 'web-01');

  it('runs commands and brings their exit codes, stdout and stderr back apart', async () => {
    for (const code of [0, 3, 255]) {
      const ran = await contractor.ssh([host(), `echo out; echo err >&2; exit ${code}`]);
      expect(ran).toMatchObject({ code, err: expect.stringContaining('err\n') });
      expect(ran.out.toString()).toBe('out\n');
    }
  });

  it('brings death by a signal back as a signal', async () => {
    const ran = await contractor.ssh(['-v', host(), 'kill -TERM $$; sleep 5']);
    expect(ran.code).toBe(255);
    expect(ran.err).toContain('client_input_channel_req: channel 0 rtype exit-signal reply 0');
  });

  it('passes an end of input on at once', async () => {
    const ran = await contractor.ssh([host(), 'cat; echo over']);
    expect(ran.out.toString()).toBe('over\n');
  });

  it('gives a shell a terminal of the right size and tells it of changes', async () => {
    const script = `import pty, os, sys, struct, fcntl, termios, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execvp('ssh', ['ssh', '-F', sys.argv[1], '-tt', sys.argv[2]])
def size(rows, cols): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, cols, 0, 0))
def until(text):
    seen = b''
    end = time.time() + 20
    while text not in seen and time.time() < end:
        if select.select([fd], [], [], 1)[0]: seen += os.read(fd, 65536)
    assert text in seen, seen
    return seen
size(33, 101)
os.write(fd, b'PS1=; stty -echo; echo re""ady\\n')
until(b'ready')
os.write(fd, b'stty size\\n')
first = until(b'101')
size(44, 122)
os.kill(pid, 28)
time.sleep(0.5)
os.write(fd, b'stty size; exit 7\\n')
until(b'44 122')
_, status = os.waitpid(pid, 0)
print('exit', os.waitstatus_to_exitcode(status))
`;
    writeFileSync(join(contractor.folder, 'terminal.py'), script);
    const ran = await contractor.run('python3', ['terminal.py', contractor.config, host()], '', true);
    expect(ran.err + ran.out.toString()).toContain('exit 7');
  });

  it(`brings ${STDOUT_BYTES / MB} MB back byte for byte, also to a reader that stops for a while`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = contractor.spawn('ssh', [
        host(),
        `head -c ${STDOUT_BYTES} /dev/urandom | tee >(sha256sum >&2)`.replace(/^/, "bash -c '").concat("'"),
      ]);
      const hash = createHash('sha256');
      let bytes = 0;
      let err = '';
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      child.stdin.end();
      child.stdout.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        const before = bytes;
        bytes += chunk.length;
        if (before < STDOUT_BYTES / 2 && bytes >= STDOUT_BYTES / 2) {
          child.stdout.pause();
          setTimeout(() => child.stdout.resume(), 2_000);
        }
      });
      expect(await ended(child)).toBe(0);
      expect(bytes).toBe(STDOUT_BYTES);
      expect(err).toContain(hash.digest('hex'));
    }
  });

  it(`takes ${STDIN_BYTES / MB} MB byte for byte`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const input = randomBytes(STDIN_BYTES);
      const ran = await contractor.ssh([host(), 'sha256sum'], input);
      expect(ran.out.toString()).toContain(sha256(input));
    }
  });

  it('copies files with scp, old protocol and new, and with sftp', async () => {
    const content = randomBytes(3 * MB);
    const local = join(contractor.folder, 'up');
    writeFileSync(local, content);
    for (const protocol of [['-O'], ['-s']]) {
      const remote = `${web.folder}/copy`;
      expect(await contractor.run('scp', [...protocol, local, `${host()}:${remote}`])).toMatchObject({ code: 0 });
      expect(sha256(readFileSync(remote))).toBe(sha256(content));
      const down = join(contractor.folder, 'down');
      expect(await contractor.run('scp', [...protocol, `${host()}:${remote}`, down])).toMatchObject({ code: 0 });
      expect(sha256(readFileSync(down))).toBe(sha256(content));
    }
    const batch = join(contractor.folder, 'batch');
    writeFileSync(batch, `put ${local} ${web.folder}/sftp\nget ${web.folder}/sftp ${local}.back\n`);
    expect(await contractor.run('sftp', ['-b', batch, host()])).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(`${local}.back`))).toBe(sha256(content));
  });

  it('is told in a sentence what its access does not cover', async () => {
    const wrongLogin = way === 'jump' ? ['-l', 'nobody', host()] : ['-l', 'nobody+web-01', host()];
    const ran = await contractor.ssh([...wrongLogin, 'true']);
    expect(ran.code).toBe(255);
    expect(ran.err).toContain('Your access is not for the login nobody');
    const elsewhere =
      way === 'jump' ? ['-J', 'gateway', `${world.login}@nowhere`] : ['-l', `${world.login}+nowhere`, host()];
    const options = ['-i', contractor.key, '-o', `CertificateFile=${contractor.certificate}`];
    const known = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    const lost = await contractor.ssh([...options, ...known, ...elsewhere, 'true']);
    expect(lost.code).toBe(255);
    expect(lost.err).toContain('No target is called "nowhere". Yours are: web-01.');
  });
});

describe('forwarding', () => {
  it('of ports, sockets, agent and X11 is refused, in both directions', async () => {
    const host = contractor.host('direct', 'web-01');
    const w = await contractor.ssh(['-W', `127.0.0.1:${web.target.port}`, host]);
    expect(w.code).not.toBe(0);
    expect(w.err).toContain('port forwarding is not part of your access');
    const r = await contractor.ssh(['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:1', host, 'true']);
    expect(r.code).toBe(255);
    expect(r.err).toMatch(/remote port forwarding failed/);
    const agent = await contractor.ssh(['-A', host, 'echo "[$SSH_AUTH_SOCK]"']);
    expect(agent.out.toString()).toBe('[]\n');
    const x11 = await contractor.ssh(['-X', host, 'echo "[$DISPLAY]"']);
    expect(x11.out.toString()).toBe('[]\n');
  });
});

describe('keys of every kind', () => {
  it.each([
    ['ecdsa', ['-t', 'ecdsa', '-b', '384']],
    ['rsa', ['-t', 'rsa', '-b', '3072']],
  ])('log in with a certificate: %s', async (_kind, keyArguments) => {
    using machine = new Contractor(keyArguments);
    await enter(world, machine);
    for (const way of WAYS) {
      const ran = await machine.ssh([machine.host(way, 'web-01'), 'echo in']);
      expect(ran.out.toString(), ran.err).toBe('in\n');
    }
  });

  it('are not registered when they are weak', async () => {
    using machine = new Contractor(['-t', 'rsa', '-b', '2048']);
    const person = await world.person('UWEAK', 'guest');
    const ran = await machine.register(world, await world.code(person.id));
    expect(ran.code).toBe(255);
    expect(ran.err).toMatch(/too weak/);
  });
});

describe('the scope files-rw', () => {
  it('moves files and runs nothing', async () => {
    using machine = new Contractor();
    await enter(world, machine, { scope: 'files-rw' });
    writeFileSync(join(machine.folder, 'up'), 'content');
    for (const way of WAYS) {
      const host = machine.host(way, 'web-01');
      expect(await machine.run('scp', ['up', `${host}:${web.folder}/files-rw`])).toMatchObject({ code: 0 });
      expect(await machine.run('scp', ['-O', 'up', `${host}:${web.folder}/files-rw`])).toMatchObject({ code: 0 });
      for (const command of [['id'], ['scp -t /tmp; id'], []]) {
        const ran = await machine.ssh([host, ...command]);
        expect(ran.code).not.toBe(0);
        expect(ran.err).toContain('scope files-rw does not allow');
        expect(ran.out.toString()).toBe('');
      }
    }
  });
});

describe('a recording', () => {
  it('says who, with which proof, where, what passed and how it ended', async () => {
    const recordings = join(world.folder, 'recordings');
    const before = new Set(readdirSync(recordings));
    const ran = await contractor.ssh([contractor.host('direct', 'web-01'), 'printf "gr\\303\\274n\\n"; exit 4']);
    expect(ran.code).toBe(4);
    const mine = () =>
      readdirSync(recordings)
        .filter((name) => !before.has(name))
        .map((id) => ({ id, manifest: JSON.parse(readFileSync(join(recordings, id, 'manifest.json'), 'utf8')) }))
        .find(({ manifest }) => manifest.grant === grant.id);
    await expect.poll(mine).toBeDefined();
    const { id = '', manifest } = mine() ?? {};
    expect(manifest).toMatchObject({
      state: 'closed',
      grant: grant.id,
      digest: grant.digest,
      person: grant.terms.personId,
      target: { id: 'web-01', address: '127.0.0.1' },
      ending: { how: 'closed' },
      channels: [{ kind: 'exec', exit: { kind: 'status', code: 4 }, stdoutSha256: sha256(ran.out), bytesToClient: 6 }],
    });
    const proof = world.authority.verifyProof(
      {
        signed: Buffer.from(manifest.opening.signed, 'base64'),
        signature: Buffer.from(manifest.opening.signature, 'base64'),
      },
      '127.0.0.1',
      new Date(),
    );
    expect(granted(proof)).toMatchObject({ fingerprint: grant.terms.keyFingerprints[0] });
    const cast = readFileSync(join(recordings, id, manifest.channels[0].cast), 'utf8')
      .trim()
      .split('\n');
    expect(JSON.parse(cast[0] ?? '')).toMatchObject({ version: 2 });
    expect(
      cast
        .slice(1)
        .map((line) => JSON.parse(line)[2])
        .join(''),
    ).toBe('grün\n');
  });
});

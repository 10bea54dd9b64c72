import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayWorld } from '../support/gateway-world.ts';
import { run } from '../support/processes.ts';
import { runningUser, type Sshd, startSshd } from '../support/sshd.ts';

/** Figures of the gateway against OpenSSH in the same run: medians of alternating rounds. `--json` prints them for programs. */

type Figure = {
  readonly name: string;
  readonly ours: number;
  readonly reference: number;
  readonly unit: string;
  readonly ratio: number;
  readonly target: string;
  readonly met: boolean;
};

const ROUNDS = 9;
const TEXT_MB = 100;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** An sshd that lets the person in by the key itself: OpenSSH's own way, without any of ours. */
const plainSshd = (publicKey: string): Promise<Sshd> =>
  startSshd({
    setUp: (dir) => ({
      files: [{ path: join(dir, 'authorized_keys'), content: `${publicKey}\n` }],
      block: `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    }),
  });

function referenceConfig(world: GatewayWorld, jump: Sshd, target: Sshd): string {
  const file = join(world.folder.path, 'reference_config');
  const host = (name: string, sshd: Sshd, more: readonly string[]): string[] => [
    `Host ${name}`,
    `  HostName ${sshd.address}`,
    `  Port ${sshd.port}`,
    `  User ${runningUser()}`,
    `  IdentityFile ${world.person.path}`,
    '  CertificateFile none',
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${sshd.knownHosts}`,
    '  BatchMode yes',
    ...more,
  ];
  const lines = [
    ...host('jump', jump, []),
    ...host('straight', target, []),
    ...host('proxyjump', target, ['  ProxyJump jump']),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

async function timed(config: string, host: string, command: string): Promise<number> {
  const begun = process.hrtime.bigint();
  const { code, stderr } = await run('sh', ['-c', `ssh -F ${config} ${host} '${command}' > /dev/null`]);
  if (code !== 0) throw new Error(`ssh ${host} ended with ${code}: ${stderr}`);
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

async function measure(): Promise<Figure[]> {
  await using world = await GatewayWorld.start();
  await using jump = await plainSshd(world.person.line);
  await using target = await plainSshd(world.person.line);
  const reference = referenceConfig(world, jump, target);
  const ways = [
    [world.sshConfig, 'direct'],
    [world.sshConfig, 'web-01'],
    [reference, 'proxyjump'],
    [reference, 'straight'],
  ] as const;
  const text = `yes 0123456789012345678901234567890123456789 | head -c ${TEXT_MB}000000`;
  const logins = new Map<string, number[]>();
  const transfers = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [config, host] of ways)
      logins.set(host, [...(logins.get(host) ?? []), await timed(config, host, 'true')]);
    if (round % 2 === 1) continue;
    for (const [config, host] of ways) {
      const ms = await timed(config, host, text);
      transfers.set(host, [...(transfers.get(host) ?? []), TEXT_MB / (ms / 1000)]);
    }
  }
  const of = (from: Map<string, number[]>, host: string): number => median(from.get(host) ?? []);
  const figure = (
    name: string,
    ours: number,
    other: number,
    unit: string,
    met: (ratio: number) => boolean,
    goal: string,
  ): Figure => ({
    ...{ name, ours: Math.round(ours), reference: Math.round(other), unit },
    ratio: Number((ours / other).toFixed(2)),
    target: goal,
    met: met(ours / other),
  });
  const quick = (ratio: number): boolean => ratio <= 0.9;
  const fast = (ratio: number): boolean => ratio >= 1;
  const proxyJump = of(logins, 'proxyjump');
  const jumpMbs = of(transfers, 'proxyjump');
  return [
    figure('ssh target true, login+target, against ProxyJump', of(logins, 'direct'), proxyJump, 'ms', quick, '≤ 0.9'),
    figure(
      'ssh target true, through the jump, against ProxyJump',
      of(logins, 'web-01'),
      proxyJump,
      'ms',
      quick,
      '≤ 0.9',
    ),
    figure(
      'text, recorded, login+target, against unrecorded ProxyJump',
      of(transfers, 'direct'),
      jumpMbs,
      'MB/s',
      fast,
      '≥ 1',
    ),
    figure(
      'text, recorded, through the jump, against unrecorded ProxyJump',
      of(transfers, 'web-01'),
      jumpMbs,
      'MB/s',
      fast,
      '≥ 1',
    ),
    figure(
      'OpenSSH itself: ProxyJump against straight, ssh target true',
      proxyJump,
      of(logins, 'straight'),
      'ms',
      () => true,
      '–',
    ),
  ];
}

const figures = await measure();
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
else {
  for (const { name, ours, reference, unit, ratio, target, met } of figures) {
    process.stdout.write(
      `${met ? 'met   ' : 'MISSED'} ${name}: ${ours} ${unit} to ${reference} ${unit}, ratio ${ratio} (${target})\n`,
    );
  }
}

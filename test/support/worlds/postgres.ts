import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

/** A PostgreSQL server of the tests' own, on a unix socket in a temporary folder. */
export type PostgresServer = AsyncDisposable & {
  readonly url: string;
  /** Stops it at once, as a crash of the machine's service would, keeping its data. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

const START_MAX_MS = 30_000;

export async function startPostgres(): Promise<PostgresServer> {
  const owner = serverAccount();
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const run = (program: string, args: readonly string[]): ChildProcess => {
    // The server goes when this process goes, however it goes.
    const ids = owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : [];
    return spawn('setpriv', [...ids, '--pdeathsig=INT', '--', join(programs(), program), ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  await initialise(run('initdb', ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-sync']));
  let server: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const settings = { listen_addresses: '', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = run('postgres', ['-D', data, '-k', folder, ...options]);
    await ready(server);
  };
  const stop = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill('SIGINT');
    await exit;
  };
  await start();
  return {
    url: `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A database that has the schema, and that nobody is connected to: new ones are copied from it. */
export const MIGRATED = 'migrated';

/** A new database on the server that `url` leads to, empty or a copy; dropped with its connections when disposed. */
export async function createDatabase(
  url: string,
  template = 'template1',
): Promise<AsyncDisposable & { readonly url: string }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runSql(url, `create database ${name} template ${template}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.toString(),
    [Symbol.asyncDispose]: () => runSql(url, `drop database if exists ${name} with (force)`),
  };
}

export async function runSql(url: string, sql: string): Promise<void> {
  await rowsOf(url, sql);
}

export async function rowsOf(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function programs(): string {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  if (!newest) throw new Error('PostgreSQL is not installed; `node test/support/prepare.mjs` says how to get it');
  return join('/usr/lib/postgresql', newest, 'bin');
}

/** PostgreSQL refuses to run as root: the account that its package made, or nobody. Null where nobody need change. */
function serverAccount(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  for (const account of ['postgres', 'nobody']) {
    const id = (option: string): string => spawnSync('id', [option, account], { encoding: 'utf8' }).stdout.trim();
    const [uid, gid] = [id('-u'), id('-g')];
    if (uid !== '' && gid !== '') return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody');
}

async function initialise(initdb: ChildProcess): Promise<void> {
  const lines: string[] = [];
  initdb.stderr?.on('data', (data: Buffer) => lines.push(data.toString()));
  const [code] = await once(initdb, 'close');
  if (code !== 0) throw new Error(`initdb failed: ${lines.join('')}`);
}

async function ready(server: ChildProcess): Promise<void> {
  if (!server.stderr) throw new Error('the server has no stderr');
  const seen: string[] = [];
  const lines = createInterface(server.stderr);
  const failed = once(server, 'exit').then(() => {
    throw new Error(`PostgreSQL did not start:\n${seen.join('\n')}`);
  });
  failed.catch(() => {});
  const started = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (seen.length < 100) seen.push(line);
      if (line.includes('database system is ready to accept connections')) resolve();
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`PostgreSQL was not ready in time:\n${seen.join('\n')}`)), START_MAX_MS);
  });
  try {
    await Promise.race([started, failed, late]);
  } finally {
    clearTimeout(timer);
  }
}

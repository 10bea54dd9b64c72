import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'daypass-tests-';

/**
 * Makes everything that a test run and its processes put into the temporary folder lie in one folder, which goes when the run
 * ends. A run that was killed leaves it to the next one.
 */
export function useRunFolder(): void {
  if (process.env['DAYPASS_TEST_FOLDER'] !== undefined) return;
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // Servers under other uids have their folders in it.
  chmodSync(folder, 0o755);
  process.env['DAYPASS_TEST_FOLDER'] = folder;
  process.env['TMPDIR'] = folder;
  process.once('exit', () => remove(folder));
}

function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : Number.NaN;
    if (Number.isInteger(pid) && !existsSync(`/proc/${pid}`)) remove(join(tmpdir(), name));
  }
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch {
    // Another user's, or still being written to: the next run of its owner removes it.
  }
}

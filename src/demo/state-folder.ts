import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOf } from '../store/process-start.ts';

/** Where a demo keeps its keys, configuration and recordings; nobody else can look in. */
export type StateFolder = { readonly path: string; remove(): void };

const uid = process.getuid?.() ?? 0;
const PREFIX = `daypass-demo-${uid}-`;
const PID_FILE = 'demo.pid';

export function makeStateFolder(): StateFolder {
  clearLeftovers();
  // mkdtemp makes it 0700.
  const path = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(path, PID_FILE), `${process.pid} ${startOf(process.pid)}\n`);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Folders of demos that were killed: ours by owner and name, and the process that made them is gone. */
function clearLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !isOwnFolder(path) || isInUse(path)) continue;
    // A demo that was killed while it compiled leaves a compiler that goes on writing for a moment.
    rmSync(path, { recursive: true, force: true, maxRetries: 10 });
  }
}

function isOwnFolder(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid;
}

function isInUse(path: string): boolean {
  try {
    const [pid = '', start] = readFileSync(join(path, PID_FILE), 'utf8').trim().split(' ');
    return startOf(Number(pid)) === start;
  } catch {
    return false;
  }
}

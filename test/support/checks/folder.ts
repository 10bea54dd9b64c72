import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TestFolder = Disposable & { readonly path: string };

/** A folder of its own for one test, gone when the test ends. */
export function testFolder(parent: string = tmpdir()): TestFolder {
  const path = mkdtempSync(join(parent, 'daypass-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

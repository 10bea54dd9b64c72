import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const refusal = createRequire(import.meta.url)(at('src/node-version.cjs')) as (version: string) => string | null;

it.each(['4.9.1', '12.22.12', '18.20.4', '20.9.0', '20.18.3'])('Node.js %s is told what is needed', (version) => {
  expect(refusal(version)).toMatch(new RegExp(`^Daypass needs Node.js 20.19 or newer, but this is ${version}\\. `));
});

it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('Node.js %s is enough', (version) => {
  expect(refusal(version)).toBeNull();
});

it.each(['src/daypass.cjs', 'src/node-version.cjs'])('%s ends on an old Node.js with that sentence alone', (file) => {
  const old = `Object.defineProperty(process.versions, 'node', { value: '18.20.4' });`;
  const ran = spawnSync(process.execPath, ['-e', `${old} require(${JSON.stringify(at(file))})`], { encoding: 'utf8' });
  expect(ran.status).toBe(2);
  expect(ran.stderr.trim().split('\n')).toEqual([refusal('18.20.4')]);
});

it('what runs before the check holds nothing newer than ECMAScript 2015', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daypass-syntax-'));
  const files = ['src/daypass.cjs', 'src/node-version.cjs'].map(at);
  const emitted = (target: string): string[] => {
    const out = join(folder, target);
    const types = ['--types', 'node', '--skipLibCheck', '--noCheck', '--noResolve', '--ignoreConfig'];
    execFileSync(at('node_modules/.bin/tsc'), [...files, '--allowJs', '--target', target, '--outDir', out, ...types]);
    return ['daypass.cjs', 'node-version.cjs'].map((name) => readFileSync(join(out, name), 'utf8'));
  };
  try {
    expect(emitted('es2015')).toEqual(emitted('esnext'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('every way to start looks at the version first', () => {
  const { bin, scripts } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  expect(bin.daypass).toBe('dist/daypass.cjs');
  for (const script of ['predemo', 'pretest', 'prebuild']) expect(scripts[script]).toBe('node src/node-version.cjs');
  const [first] = readFileSync(at('src/daypass.cjs'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('require'));
  expect(first).toBe("require('./node-version.cjs');");
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

const Package = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string(), license: z.string().optional(), dev: z.boolean().optional() }),
  ),
});
const { dependencies, devDependencies } = Package.parse(JSON.parse(read('package.json')));
const { packages } = Lock.parse(JSON.parse(read('package-lock.json')));

const ALLOWED = /^(?:MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|MIT OR Apache-2\.0)$/;
/** Their package.json has no field that npm reads; their LICENSE files are MIT's text. tweetnacl is in the public domain. */
const ELSEWHERE = new Map([
  ...['ssh2', 'cpu-features', 'buildcheck'].map((name): [string, string] => [name, 'MIT']),
  ['tweetnacl', 'Unlicense'],
]);

const licenceOf = (path: string): string | undefined => {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return packages[path]?.license ?? ELSEWHERE.get(name);
};

describe('dependencies', () => {
  it('are pinned to an exact version, the one in the lock file', () => {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect({ name, version }).toEqual({ name, version: packages[`node_modules/${name}`]?.version });
    }
  });

  it('that run in production have a licence that lets them', () => {
    const paths = Object.entries(packages).flatMap(([path, { dev }]) => (path === '' || dev ? [] : [path]));
    expect(paths.length).toBeGreaterThan(50);
    const others = paths.filter((path) => !ALLOWED.test(licenceOf(path) ?? ''));
    expect(others).toEqual(['node_modules/tweetnacl']);
    expect(licenceOf('node_modules/tweetnacl')).toBe('Unlicense');
  });

  it('are listed in docs/dependencies.md with licence and reason, each that is direct and no other', () => {
    const rows = [...read('docs/dependencies.md').matchAll(/^\| (\S+) \| (\S+) \| (.+\.) \|$/gm)];
    const listed = rows.map(([, name, licence]) => [name, licence]);
    expect(listed).toEqual(Object.keys(dependencies).map((name) => [name, licenceOf(`node_modules/${name}`)]));
  });
});

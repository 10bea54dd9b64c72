import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importFaults, readRooms, type SourceFile, sourceFiles } from '../../support/checks/rooms.ts';

const root = new URL('../../../', import.meta.url);
const rooms = readRooms(readFileSync(new URL('docs/architecture.md', root), 'utf8'));
const files = sourceFiles(new URL('src/', root));

describe('the table of rooms in docs/architecture.md', () => {
  it('allows every import that there is', () => {
    expect(files.length).toBeGreaterThan(250);
    expect(importFaults(rooms, files)).toEqual([]);
  });

  it('names no room that is not there', () => {
    const there = new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1)));
    expect(rooms.map(({ path }) => path).filter((path) => !there.has(path))).toEqual([]);
  });

  it('allows nothing that nobody imports', () => {
    const unused = rooms.flatMap((room) => {
      const inside = files.filter(({ path }) => path.startsWith(room.path));
      return room.imports.flatMap(({ place }, n) => {
        const without = { ...room, imports: room.imports.filter((_, index) => index !== n) };
        const others = rooms.map((each) => (each === room ? without : each));
        return importFaults(others, inside).length === 0 ? [`src/${room.path}: ${place}`] : [];
      });
    });
    expect(unused).toEqual([]);
  });

  it.each<[string, string, string | null]>([
    ['access/grant.ts', `import { z } from 'zod';`, null],
    ['access/grant.ts', `import { readFileSync } from 'node:fs';`, 'node:fs'],
    [
      'access/grant.ts',
      `import type { Tx } from '../use-cases/ports/store.ts';`,
      'types of ../use-cases/ports/store.ts',
    ],
    ['access/scopes/scope.ts', `import { createLog } from '../../log.ts';`, '../../log.ts'],
    ['use-cases/grants/end-grant.ts', `import {\n  openStore,\n} from '../../store/store.ts';`, '../../store/store.ts'],
    ['gateway/session/session.ts', `import type { Tx } from '../../use-cases/ports/store.ts';`, null],
    [
      'gateway/session/session.ts',
      `import { x } from '../../use-cases/ports/store.ts';`,
      '../../use-cases/ports/store.ts',
    ],
    ['gateway/session/session.ts', `export { Crew } from '../supervisor/crew.ts';`, '../supervisor/crew.ts'],
    [
      'gateway/launch/launcher.ts',
      `const { Session } = await import('../session/session.ts');`,
      '../session/session.ts',
    ],
    ['slack/messages/render.ts', `import { list } from '../conversations/list.ts';`, '../conversations/list.ts'],
    ['store/store.ts', `import sshpk from 'sshpk';`, 'sshpk'],
  ])('%s: %s', (path, text, what) => {
    const file: SourceFile = { path, text };
    const where = `src/${path}:1: src/${path.slice(0, path.lastIndexOf('/') + 1)}`;
    expect(importFaults(rooms, [file])).toEqual(what === null ? [] : [`${where} may not import ${what}`]);
  });

  it('has a room for every file', () => {
    expect(importFaults(rooms, [{ path: 'utils/strings.ts', text: '' }])).toEqual([
      'src/utils/strings.ts: its folder is not in the table',
    ]);
  });
});

import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Product } from './product.ts';
import type { Cast } from './workspace/core.ts';

const CASTS_MAX = 10;
const CAST_BYTES_MAX = 8 * 1024 * 1024;
/** Replays that are kept in the clear, for as long as the demo runs. */
const KEPT_MAX = 20;

/** Takes recordings out in the clear, as security would: `daypass recordings export`, with the key that `daypass init` made. */
export function replays(product: Pick<Product, 'cli' | 'identityFile'>, folder: string) {
  const kept = new Map<string, Promise<readonly Cast[] | null>>();
  return (id: string): Promise<readonly Cast[] | null> => {
    const known = kept.get(id);
    if (known) return known;
    if (kept.size >= KEPT_MAX) kept.clear();
    const opened = open(product, folder, id).finally(() => rm(join(folder, id), { recursive: true, force: true }));
    kept.set(id, opened);
    opened.then(
      (casts) => casts ?? kept.delete(id),
      () => kept.delete(id),
    );
    return opened;
  };
}

type Listed = { readonly session: string };

async function open(
  { cli, identityFile }: Pick<Product, 'cli' | 'identityFile'>,
  folder: string,
  id: string,
): Promise<readonly Cast[] | null> {
  const listed = JSON.parse(await cli('recordings', 'list', '--json')) as readonly Listed[];
  const session = listed.find((each) => each.session.startsWith(id))?.session;
  if (session === undefined) return null;
  const out = join(folder, id);
  await cli('recordings', 'export', session, '--identity', identityFile, '--out', out);
  const names = existsSync(out) ? (await readdir(out)).filter((name) => name.endsWith('.cast')).sort() : [];
  const casts: Cast[] = [];
  for (const name of names.slice(0, CASTS_MAX)) {
    const path = join(out, name);
    if ((await stat(path)).size <= CAST_BYTES_MAX) casts.push({ name, cast: await readFile(path, 'utf8') });
  }
  return casts;
}

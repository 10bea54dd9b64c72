import { join } from 'node:path';
import { z } from 'zod';
import { FILES, hasEntry, readSmall, SMALL_FILE_MAX } from '../format/folder.ts';

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

export type SealedFacts = {
  readonly session: string;
  readonly state: string;
  readonly target: string | null;
  readonly login: string | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly bytes: number;
  readonly head: string | null;
};

const Listed = z.looseObject({
  state: z.string().max(32),
  target: z.looseObject({ id: z.string() }).nullable().catch(null),
  login: z.string().nullable().catch(null),
  start: z.string().nullable().catch(null),
  end: z.string().nullable().catch(null),
  chain: z.looseObject({ head: Hash, bytes: z.int() }).nullable().catch(null),
});

/** What a recording's folder says of itself; nothing of it is checked. */
export async function sealedFacts(recordings: string, session: string): Promise<SealedFacts> {
  const folder = join(recordings, session);
  const nothing = { target: null, login: null, start: null, end: null, bytes: 0, head: null };
  try {
    const bytes = await readSmall(folder, FILES.manifest, SMALL_FILE_MAX);
    const { state, target, login, start, end, chain } = Listed.parse(JSON.parse(bytes?.toString('utf8') ?? 'null'));
    const isSealed = await hasEntry(folder, FILES.signature);
    const isErased = await hasEntry(folder, FILES.erasure);
    const shown = isErased ? 'erased' : isSealed ? state : 'unsealed';
    const known = {
      target: target?.id ?? null,
      login,
      start,
      end,
      bytes: chain?.bytes ?? 0,
      head: chain?.head ?? null,
    };
    return { session, state: shown, ...known };
  } catch {
    return { session, state: 'unreadable', ...nothing };
  }
}

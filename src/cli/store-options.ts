import type { Config } from '../config/load.ts';
import { keysFolder } from '../config/places.ts';
import type { StoreOptions } from '../store/store.ts';

/** For a command that opens the store itself; as the account that the keys belong to. */
export async function storeOptions(config: Config): Promise<StoreOptions> {
  const [{ createLog }, { loadKeys }, { recordSeals }] = await Promise.all([
    import('../log.ts'),
    import('../ca/keys.ts'),
    import('../ca/seal.ts'),
  ]);
  const databaseUrl = process.env['DAYPASS_DATABASE_URL'] ?? null;
  const seals = recordSeals(loadKeys(keysFolder(config)).mac);
  return { databaseUrl, dataDir: config.dataDir, log: createLog('warn'), seals };
}

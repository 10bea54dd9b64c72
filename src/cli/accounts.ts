import { statSync } from 'node:fs';
import type { Config } from '../config/load.ts';
import { Refused } from './output.ts';

type Account = { readonly uid: number; readonly gid: number };
export type Accounts = { readonly control: Account; readonly worker: Account };

/** A compromised worker must not be able to read what control holds, and neither needs to be root. */
export function accountsOf(config: Config): Accounts {
  const { control_uid, control_gid, worker_uid, worker_gid } = config.gateway;
  const isComplete =
    control_uid !== undefined && control_gid !== undefined && worker_uid !== undefined && worker_gid !== undefined;
  if (!isComplete || control_uid === worker_uid || control_gid === worker_gid) {
    throw new Refused(
      `Gateway workers would share control’s uid, and a worker taken over by a hostile peer could read the CA keys.
Set gateway.control_uid, control_gid, worker_uid and worker_gid in ${config.file} to two accounts and start as root,
or use --insecure-single-user to accept that on a trial machine.`,
      2,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Refused(
      `gateway.worker_uid is ${worker_uid}, but only root can start control and workers under their own accounts.
Start as root, or use --insecure-single-user to accept one uid on a trial machine.`,
      2,
    );
  }
  const { uid } = statSync(config.dataDir);
  if (uid !== control_uid) {
    throw new Refused(
      `${config.dataDir} belongs to uid ${uid}, so control could not read its keys as uid ${control_uid}.
Run: chown -R ${control_uid}:${control_gid} ${config.dataDir}`,
      2,
    );
  }
  return { control: { uid: control_uid, gid: control_gid }, worker: { uid: worker_uid, gid: worker_gid } };
}

import { join } from 'node:path';
import type { SessionId } from '../../access/ids.ts';
import { closeTornRecording } from '../../recording/archive/torn.ts';
import type { WorkerHost } from '../launch/worker-host.ts';

/** Takes a recording out of its worker's reach and closes it where the worker could not. False where there is none. */
export async function fileRecording(
  host: Pick<WorkerHost, 'collect'>,
  recordings: string,
  id: SessionId,
): Promise<boolean> {
  if (!(await host.collect(id))) return false;
  await closeTornRecording(join(recordings, id), new Date());
  return true;
}

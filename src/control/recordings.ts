import { join } from 'node:path';
import { type Actor, actorOf, type OperatorAccount } from '../access/audit-event.ts';
import { SessionId } from '../access/ids.ts';
import type { ReportedRecording } from '../access/session-report.ts';
import type { Keys } from '../ca/keys.ts';
import { recordingChecker, recordingSigner } from '../ca/recordings.ts';
import { type Config, ConfigError, recipientsOf } from '../config/load.ts';
import type { Log } from '../log.ts';
import type { Erased } from '../operator/operator.ts';
import { EraseError, eraseRecording } from '../recording/archive/erase.ts';
import { LEDGER_FILE, Ledger } from '../recording/archive/ledger.ts';
import { sealRecording } from '../recording/archive/seal.ts';
import { isOfEarlierVersion, listRecordings } from '../recording/archive/verify-all.ts';
import { recipientProblem } from '../recording/format/wrapped-key.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Store } from '../use-cases/ports/store.ts';
import type { SealOutcome } from '../use-cases/sessions/gateway-control.ts';
import { recordErased, recordLateSeal } from '../use-cases/sessions/record-recording.ts';

/** Control's recordings: sealed with its key, entered in its ledger, erased under a rule. One per data folder. */
export type Recordings = AsyncDisposable & {
  seal(folder: string, reported: ReportedRecording | null): Promise<SealOutcome>;
  sealLate(folder: string): Promise<void>;
  /** Seals what lies in the folder and was never sealed, because an earlier run ended in between. */
  catchUp(): Promise<void>;
  erase(id: SessionId, rule: string, by: Actor): Promise<{ readonly rule: string }>;
  /** Erases what was sealed before an instant, and returns how many. */
  eraseOlderThan(before: Date, rule: string): Promise<number>;
};

type Deps = {
  readonly keys: Keys;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: string;
};

/** `erase` for an operator: a refusal comes back as a sentence. */
export const eraseFor =
  (recordings: Pick<Recordings, 'erase'>) =>
  async (id: SessionId, rule: string, by: OperatorAccount): Promise<Erased> => {
    try {
      return { ok: true, ...(await recordings.erase(id, rule, actorOf(by))) };
    } catch (error) {
      if (error instanceof EraseError) return { ok: false, why: error.message };
      throw error;
    }
  };

/** Found out before anybody connects. */
export function usableRecipients(config: Config): readonly string[] {
  const recipients = recipientsOf(config);
  const problems = recipients.flatMap((recipient, index) => {
    const problem = recipientProblem(recipient);
    return problem === null ? [] : [`recordings.recipients.${index}: ${problem}`];
  });
  if (problems.length > 0) throw new ConfigError(config.file, problems);
  return recipients;
}

/** How many recordings one run of the retention schedule erases at most. */
const ERASED_AT_ONCE_MAX = 200;

export async function openRecordings({ keys, store, clock, log, folder }: Deps): Promise<Recordings> {
  const signer = recordingSigner(keys);
  const checker = recordingChecker(keys.recordingPublicKey);
  const ledger = await Ledger.open(join(folder, LEDGER_FILE), signer, checker);
  if (ledger.doubtful > 0) {
    log.error(
      { lines: ledger.doubtful },
      'the recordings ledger has lines that this key did not sign. Run: daypass verify --all',
    );
  }
  const deps = { signer, checker, ledger, now: clock.now };
  const seal = async (path: string, reported: ReportedRecording | null): Promise<SealOutcome> => {
    try {
      const sealed = await sealRecording(deps, path, reported);
      if (!sealed) return { kind: 'none' };
      if (sealed.doubts.length > 0)
        log.error({ folder: path, doubts: sealed.doubts }, 'a recording differs from what its worker reported');
      return { kind: 'sealed', ...sealed };
    } catch (error) {
      log.error({ err: error, folder: path }, 'a recording could not be sealed and was left as it is');
      return { kind: 'failed' };
    }
  };
  const sealLate = async (path: string): Promise<void> => {
    const id = SessionId.parse(path.slice(path.lastIndexOf('/') + 1));
    await recordLateSeal({ store, clock })(id, await seal(path, null));
  };
  const erase = async (id: SessionId, rule: string, by: Actor) => {
    const erased = await eraseRecording(deps, join(folder, id), rule);
    await recordErased({ store, clock })(id, erased.rule, by);
    return erased;
  };
  return {
    ...{ seal, sealLate, erase },
    async catchUp() {
      for (const id of await listRecordings(folder, () => {})) {
        if (!ledger.isSealed(id) && !(await isOfEarlierVersion(join(folder, id)))) await sealLate(join(folder, id));
      }
    },
    async eraseOlderThan(before, rule) {
      const due = ledger.sealedBefore(before).slice(0, ERASED_AT_ONCE_MAX);
      let erased = 0;
      for (const id of due) {
        try {
          await erase(SessionId.parse(id), rule, { kind: 'daypass' });
          erased += 1;
        } catch (error) {
          log.error({ err: error, session: id }, 'a recording could not be erased');
        }
      }
      return erased;
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

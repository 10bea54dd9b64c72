import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/load.ts';
import { recordingsFolder } from '../config/places.ts';
import { LEDGER_FILE } from '../recording/archive/ledger.ts';
import { type Problem, type Verdict, verifyRecording } from '../recording/archive/verify.ts';
import { type LedgerVerdict, verifyAll } from '../recording/archive/verify-all.ts';
import { print, Refused } from './output.ts';
import { configOrPlace, type PlaceOptions, placeOf, recordingAt } from './recording-place.ts';
import { verifyAuditCommand } from './verify-audit.ts';

type Options = PlaceOptions & { readonly all?: boolean; readonly json?: boolean };

const PROGRESS_MS = 1_000;

export function verifyCommand(program: Command, given: () => Config): void {
  const config = configOrPlace(given);
  const verify = program
    .command('verify [recordings...]')
    .description(
      'Check that recordings are what was sealed: signature, chain and ledger. This needs neither a decryption key nor a database.',
    )
    .option('--all', 'check every recording and the ledger for what was removed, added, moved or edited')
    .option('--recordings <folder>', 'the folder of the recordings; <data_dir>/recordings if omitted')
    .option('--public-key <file>', 'the public recording key; <data_dir>/keys/recording_key.pub if omitted')
    .option('--json', 'print JSON')
    .action(async (names: readonly string[], options: Options) => {
      if (options.all ? names.length > 0 : names.length === 0) {
        throw new Refused('Name recordings by id or folder, or use --all.', 2);
      }
      process.exitCode = (await (options.all ? all(config, options) : some(config, names, options))) ? 0 : 1;
    });
  verifyAuditCommand(verify, given);
}

async function some(config: () => Config, given: readonly string[], options: Options): Promise<boolean> {
  const folder = (): string =>
    options.recordings === undefined ? recordingsFolder(config()) : resolve(options.recordings);
  const asked = given.map((each) => recordingAt(each, folder));
  const needsNoFolder = given.every((each) => each.includes('/'));
  const { checker } = placeOf(config, needsNoFolder ? { recordings: '.', ...options } : options);
  const out = options.json ? jsonOut() : textOut();
  for (const { folder: path, id } of asked) out.verdict(await verifyRecording(path, id, checker));
  return out.end(null);
}

async function all(config: () => Config, options: Options): Promise<boolean> {
  const { folder, checker } = placeOf(config, options);
  const out = options.json ? jsonOut() : textOut();
  let shownAt = performance.now();
  const progress = (done: number, of: number): void => {
    if (performance.now() - shownAt < PROGRESS_MS) return;
    shownAt = performance.now();
    process.stderr.write(`verified ${done} of ${of} recordings\n`);
  };
  const ledger = await verifyAll(folder, checker, { told: out.verdict, progress });
  return out.end(ledger);
}

type Out = {
  readonly verdict: (verdict: Verdict) => void;
  /** Whether everything holds. */
  readonly end: (ledger: LedgerVerdict | null) => boolean;
};

function textOut(): Out {
  const counts = { closed: 0, interrupted: 0, erased: 0, broken: 0 };
  return {
    verdict(verdict) {
      counts[verdict.state] += 1;
      print(`${verdict.session}  ${WORDS[verdict.state]}${detail(verdict)}`);
      for (const problem of verdict.problems) print(`  ${where(problem)}: ${problem.why}`);
    },
    end(ledger) {
      const parts = Object.entries(counts).filter(([, count]) => count > 0);
      if (ledger) {
        print(
          `${LEDGER_FILE}  ${ledger.lines} lines${ledger.problems.length > 0 ? ', BROKEN' : ''}, the last is ${ledger.last}`,
        );
        for (const { line, offset, why } of ledger.problems) print(`  line ${line}, byte ${offset}: ${why}`);
      }
      print(parts.length === 0 ? 'No recordings.' : parts.map(([state, count]) => `${count} ${state}`).join(', '));
      return holds(counts.broken, ledger);
    },
  };
}

const WORDS = { closed: 'intact', interrupted: 'intact, interrupted', erased: 'erased', broken: 'BROKEN' } as const;

const detail = ({ state, rule, chunks, bytes, head }: Verdict): string => {
  const size = `${chunks} chunks, ${bytes} bytes, head ${head?.slice(0, 16) ?? 'none'}`;
  if (state === 'broken') return '';
  return state === 'erased' ? ` under rule ${JSON.stringify(rule)}, and its chain is intact: ${size}` : `: ${size}`;
};

const where = ({ file, chunk, offset }: Problem): string =>
  [file, ...(chunk === null ? [] : [`chunk ${chunk}`]), ...(offset === null ? [] : [`byte ${offset}`])].join(', ');

function jsonOut(): Out {
  let broken = 0;
  let separator = '{"recordings":[\n';
  return {
    verdict(verdict) {
      if (verdict.state === 'broken') broken += 1;
      process.stdout.write(`${separator}${JSON.stringify(verdict)}`);
      separator = ',\n';
    },
    end(ledger) {
      if (separator.startsWith('{')) process.stdout.write(separator);
      const isWhole = holds(broken, ledger);
      print(`\n],"ledger":${JSON.stringify(ledger)},"holds":${isWhole}}`);
      return isWhole;
    },
  };
}

const holds = (broken: number, ledger: LedgerVerdict | null): boolean =>
  broken === 0 && (ledger === null || ledger.problems.length === 0);

import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { headText, isWholeHead, parseHead } from '../access/audit-head.ts';
import { AUDIT_HEAD } from '../access/certificate.ts';
import { ChainCheck, type ChainVerdict } from '../auditchain/check.ts';
import { fileEvents } from '../auditchain/events-file.ts';
import type { AskedHead } from '../auditchain/heads.ts';
import { type Config, ConfigError } from '../config/load.ts';
import { optionText, parseCertificateLine } from '../sshwire/certificate.ts';
import { fingerprint, parsePublicKey } from '../sshwire/public-key.ts';
import { blobName, verifySignature } from '../sshwire/signature.ts';
import { actAsOwnerOf } from './as-owner.ts';
import { print, printJson, Refused } from './output.ts';

type Options = {
  readonly events?: string;
  readonly head?: readonly string[];
  readonly certificate?: readonly string[];
  readonly json?: boolean;
};

type OfRecordings = { readonly all?: boolean; readonly recordings?: string; readonly publicKey?: string };

const PROGRESS_MS = 1_000;
const CERTIFICATE_FILE_MAX = 65_536;

export function verifyAuditCommand(verify: Command, config: () => Config): void {
  verify
    .command('audit')
    .description(
      'Check that the audit log is one unbroken hash chain, and that it has the heads that were kept elsewhere. This needs no keys, and changes nothing.',
    )
    .option('--events <file>', 'check a file that `serve --events` wrote, not the database')
    .option('--head <number:hash>', 'a head that somebody kept; 12 digits of its hash will do. Repeatable', listed)
    .option(
      '--certificate <file>',
      'a contractor’s certificate, for the head that it was issued at. Repeatable',
      listed,
      [],
    )
    .option('--json', 'print JSON')
    .action(async (_own: unknown, audit: Command) => {
      // commander gives `--json` to the command that comes first on the line.
      const { all, recordings, publicKey, ...options } = audit.optsWithGlobals<Options & OfRecordings>();
      if (all || recordings !== undefined || publicKey !== undefined)
        throw new Refused('--all, --recordings and --public-key are for recordings, not for the audit log.', 2);
      const heads = [...(options.head ?? []).map(headOf), ...(options.certificate ?? []).map(headIn)];
      const verdict = await (options.events === undefined
        ? ofDatabase(configured(config), heads)
        : ofFile(options.events, heads));
      if (options.json) printJson(verdict);
      else print(textOf(verdict, options.events));
      process.exitCode = verdict.holds ? 0 : 1;
    });
}

const listed = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function headOf(given: string): AskedHead {
  const head = parseHead(given);
  if (head) return { ...head, from: `--head ${head.number}` };
  throw new Refused(
    `--head takes the number of an event, a colon and 12 to 64 hex digits of its hash, such as 1042:1f2e3d4c5b6a, not ${JSON.stringify(given.slice(0, 100))}.`,
    2,
  );
}

/** Its CA is not known here: what counts is that somebody kept the certificate. */
function headIn(file: string): AskedHead {
  const certificate = parseCertificateLine(textIn(file));
  if (!certificate.ok) throw new Refused(`${file} is not a certificate: ${certificate.refusal.why}`);
  const { extensions, signatureKey, signature, signed } = certificate.value;
  const ca = parsePublicKey(signatureKey);
  if (!ca.ok || !verifySignature(ca.value, blobName(signature), signature, signed)) {
    throw new Refused(`${file} was changed after it was issued: its CA did not sign it.`);
  }
  const option = extensions.find(({ name }) => name === AUDIT_HEAD);
  if (!option) throw new Refused(`${file} has no head of the audit log. Earlier versions issued it without one.`);
  const text = optionText(option);
  const head = text.ok ? parseHead(text.value) : null;
  if (!head || !isWholeHead(head)) throw new Refused(`${file} has something else in the place of a head.`);
  return { ...head, from: `${file}, signed by ${fingerprint(ca.value)}` };
}

function textIn(file: string): string {
  try {
    if (statSync(file).size > CERTIFICATE_FILE_MAX) throw new Error('it is too large for a certificate');
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Refused(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function configured(config: () => Config): Config {
  try {
    return config();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Refused(`${error.message}\nWithout a configuration, use --events <file>.`, 2);
  }
}

async function ofDatabase({ dataDir }: Config, heads: readonly AskedHead[]): Promise<ChainVerdict> {
  const [{ createLog }, { readAuditLog }] = await Promise.all([import('../log.ts'), import('../store/audit-log.ts')]);
  actAsOwnerOf(dataDir);
  const check = new ChainCheck('database', heads);
  const tell = progress(check);
  const databaseUrl = process.env['DAYPASS_DATABASE_URL'] ?? null;
  const last = await readAuditLog({ databaseUrl, dataDir, log: createLog('warn') }, (event) => {
    check.take(event);
    tell();
  });
  return check.end(last);
}

async function ofFile(path: string, heads: readonly AskedHead[]): Promise<ChainVerdict> {
  const check = new ChainCheck('file', heads);
  const tell = progress(check);
  try {
    for await (const event of fileEvents(path)) {
      check.take(event);
      tell();
    }
  } catch (error) {
    throw new Refused(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return check.end();
}

function progress(check: ChainCheck): () => void {
  let shownAt: number | null = null;
  return () => {
    shownAt ??= performance.now();
    if (performance.now() - shownAt < PROGRESS_MS) return;
    shownAt = performance.now();
    process.stderr.write(`verified up to event ${check.number}\n`);
  };
}

function textOf({ events, first, last, earlier, heads, problems }: ChainVerdict, file: string | undefined): string {
  const state = problems.length > 0 ? 'BROKEN' : 'intact';
  const isCutAtStart = file !== undefined && first !== null && first > 1 && problems[0]?.number === 1;
  return [
    `audit log  ${events} events, ${state}${last ? `, the last is ${headText(last)}` : ''}`,
    ...problems.map(({ number, why }) => `  event ${number}: ${why}`),
    ...(isCutAtStart
      ? ['  If another file has the events before these, give the head that it ends with as --head.']
      : []),
    ...(earlier?.isChecked
      ? [`The ${earlier.events} events from before the chain are those that it began after.`]
      : []),
    ...(earlier && !earlier.isChecked && file !== undefined
      ? [`The ${earlier.events} events from before the chain were not checked against this file.`]
      : []),
    ...heads.map(
      ({ from, holds }) => `${from}  ${holds === null ? 'could not be checked' : holds ? 'holds' : 'DOES NOT HOLD'}`,
    ),
    ...(heads.length === 0 ? [NO_HEADS] : []),
  ].join('\n');
}

const NO_HEADS =
  'No head from elsewhere was given, so a log that was rewritten or cut off as a whole would not be noticed. Give one with --head or --certificate.';

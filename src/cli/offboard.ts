import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { OffboardingId } from '../access/ids.ts';
import type { Config } from '../config/load.ts';
import type { OffboardingRow, OffboardingShown } from '../operator/offboardings.ts';
import type { Operator } from '../operator/operator.ts';
import { engagementCalled, personCalled } from './called.ts';
import { type ListOptions, limitOf, one, withOperator } from './operator.ts';
import { print, printJson, Refused, table } from './output.ts';
import { wordForOperator } from './refusals.ts';

const OFFBOARDINGS_MAX = 10_000;
/** A worker that hangs is replaced within seconds. */
const PROOF_WAIT_MS = 20_000;
const LOOK_MS = 500;

type OffboardOptions = { readonly engagement?: string; readonly reason?: string; readonly json?: boolean };

export function offboardCommand(program: Command, config: () => Config): void {
  const offboard = program
    .command('offboard')
    .description(
      'End everything that a person has, and let them have nothing more. <person> is a Slack user id or a Daypass id.',
    )
    .argument('<person>')
    .option('--engagement <id>', 'only in this engagement; their keys stay')
    .option('--reason <text>', 'why; security’s channel shows it')
    .option('--json', 'print JSON')
    .action((given: string, options: OffboardOptions) =>
      withOperator(
        config(),
        async (operator) => {
          const person = await personCalled(operator, given);
          const engagement = options.engagement ? await engagementCalled(operator, options.engagement) : null;
          const begun = await operator.offboard(person, engagement, options.reason ?? null);
          if (!begun.ok) throw new Refused(wordForOperator(begun.rejection));
          if (begun.value.id) await showProof(operator, begun.value.id, options);
        },
        true,
      ),
    );
  offboard
    .command('list')
    .description('List offboardings, and how far each is.')
    .option('--limit <n>', 'show at most this many, newest first', '200')
    .option('--json', 'print JSON')
    .action((_: unknown, command: Command) =>
      withOperator(config(), async (operator) => {
        const options: ListOptions = command.optsWithGlobals();
        const rows = await operator.offboardings({ limit: limitOf(options) });
        if (options.json) return printJson(rows);
        print(rows.length === 0 ? 'No offboardings.' : tableOf(rows));
      }),
    );
  offboard
    .command('show <offboarding>')
    .description('Show an offboarding with its proof and checklist: the evidence. An id or the start of one.')
    .option('--json', 'print JSON')
    .action((given: string, _: unknown, command: Command) =>
      withOperator(config(), async (operator) => {
        const ids = (await operator.offboardings({ limit: OFFBOARDINGS_MAX })).map(({ id }) => id);
        const id = OffboardingId.parse(one(given.toLowerCase(), ids, 'offboarding'));
        const shown = await operator.offboarding(id);
        if (!shown) throw new Refused('That offboarding is no longer there.');
        if (command.optsWithGlobals<{ json?: boolean }>().json) printJson(shown);
        else printShown(shown);
      }),
    );
}

/** Waits for the proof that nothing is left, and prints it; without a control that runs there is nobody to ask. */
export async function showProof(operator: Operator, id: OffboardingId, { json }: { json?: boolean }): Promise<void> {
  const isRunning = (await operator.targets()) !== null;
  const deadline = performance.now() + (isRunning ? PROOF_WAIT_MS : 0);
  let shown = await operator.offboarding(id);
  while (shown?.offboarding.state === 'not proved' && performance.now() < deadline) {
    await pause(LOOK_MS);
    shown = await operator.offboarding(id);
  }
  if (!shown) throw new Refused(`The record of ${id} cannot be believed. The log says more.`);
  if (json) printJson(shown);
  else printShown(shown);
  if (shown.offboarding.state !== 'not proved') return;
  throw new Refused(
    isRunning
      ? `Everything was ended, but it is not proved yet that nothing is left. Daypass keeps asking. To look again: daypass offboard show ${id}`
      : `Everything was ended. No control is running, so no gateway could be asked: that nothing is left is proved once it runs. To look: daypass offboard show ${id}`,
  );
}

const proofOf = ({ state, left }: OffboardingRow): string => {
  if (!left) return 'not proved yet: no gateway was asked';
  const said = `${left.sessions} live sessions and ${left.grants} active grants left (asked of ${left.answered} of ${left.workers} gateways)`;
  return state === 'not proved' ? `not proved yet: ${said}` : `proved: ${said}`;
};

function printShown({ offboarding, evidence, names, completedAt, digest }: OffboardingShown): void {
  print(tableOf([offboarding]));
  const { grants, requests, sessions, keys } = offboarding;
  print(`ended: ${grants} grants, ${requests} requests, ${sessions} sessions, ${keys} keys`);
  print(proofOf(offboarding));
  if (evidence.items.length > 0) {
    const rows = evidence.items.map(({ text, tick }) => [
      ...[tick ? 'done' : 'open', text, tick ? (names[tick.by] ?? tick.by) : '-', tick?.at ?? '-', tick?.note ?? '-'],
    ]);
    print(table(['STATE', 'CHECK', 'BY', 'AT', 'NOTE'], rows));
  }
  if (completedAt) print(`complete ${completedAt}, digest ${digest}`);
}

const tableOf = (rows: readonly OffboardingRow[]): string =>
  table(
    ['OFFBOARDING', 'STATE', 'PERSON', 'WHERE', 'WHY', 'AT', 'CHECKS'],
    rows.map((row) => [
      ...[row.id, row.state, row.person ?? 'everybody', row.engagements?.join(',') ?? 'everywhere', row.why, row.at],
      `${row.ticked}/${row.items}`,
    ]),
  );

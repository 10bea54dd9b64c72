import type { Command } from 'commander';
import { Duration } from 'luxon';
import type { Assurance } from '../../access/assurance.ts';
import { shownIn } from '../../access/hours.ts';
import type { KeyDemand } from '../../access/key-demand.ts';
import { STANDINGS, type Standing } from '../../access/person.ts';
import { decide, explain, type PolicyDecision } from '../../access/policy-decision.ts';
import type { Mismatch } from '../../access/policy-match.ts';
import { withoutControls } from '../../access/printable.ts';
import type { Config } from '../../config/load.ts';
import { systemClock } from '../../config/places.ts';
import { problemsOf, worded } from '../../config/problems.ts';
import { print, printJson, Refused, table } from '../output.ts';
import { AskText, askOf } from './ask.ts';

type Known = { readonly id: string; readonly name: string; readonly standing: Standing; readonly state: string };

const PEOPLE_MAX = 20;
type Options = Readonly<Record<string, string>> & { readonly json?: boolean };

export function explainCommand(policy: Command, config: () => Config): void {
  policy
    .command('explain')
    .description(
      'Show which rule decides about a request, and why each earlier rule does not. Exit code 0: policy allows it, once it is approved; 1: it refuses.',
    )
    .requiredOption(
      '--person <who>',
      'who requests: member, guest or external; or somebody whom Daypass knows, by their Slack id or a part of their name',
    )
    .requiredOption('--target <ids>', 'a target, or several separated by commas')
    .requiredOption('--scope <name>', 'a built-in scope, or one from policy.yml')
    .option('--login <name>', 'the login on the target; the first of the target if omitted')
    .option('--duration <duration>', 'how long, in ISO 8601, such as PT4H')
    .option('--vendor <name>', 'the vendor of the engagement')
    .option('--engagement <id>', 'the id of the engagement; a new one if omitted')
    .option('--ticket <ticket>', 'the ticket of the request')
    .option('--at <instant>', 'when, in ISO 8601, such as 2030-05-06T09:00+02:00; now if omitted')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const { json, target, person: who = '', ...rest } = options;
      const read = config();
      const known = who === '' || STANDINGS.some((each) => each === who) ? null : await personCalled(read, who);
      const text = AskText.safeParse({ ...rest, person: known?.standing ?? who, targets: target?.split(',') });
      if (!text.success) throw new Refused(problemsOf(AskText, text.error).map(worded).join('\n'), 2);
      const ask = askOf(read, text.data, systemClock.now());
      const decision = decide(read.policy, ask);
      const explained = explain(read.policy, ask).map(({ target: { id }, rules }) => ({
        target: id,
        rules: rules.map(({ rule, mismatch }) => ({ rule: rule.name, decides: mismatch === null, mismatch })),
      }));
      if (json) printJson({ ...decision, person: known, targets: explained });
      else {
        if (known) print(named(known));
        for (const { target: id, rules } of explained) {
          print(
            table(
              [id, ''],
              rules.map(({ rule, mismatch }) => [`  ${rule}`, mismatch ? why(mismatch) : 'decides']),
            ),
          );
        }
        print(sentence(decision));
      }
      process.exitCode = decision.allowed ? 0 : 1;
    });
}

/** Looked up where Daypass knows people: at the control that runs, or in the database. */
async function personCalled(config: Config, who: string): Promise<Known> {
  const { withOperator } = await import('../operator.ts');
  const found = await withOperator(config, (operator) => operator.people({ find: who, limit: PEOPLE_MAX })).catch(
    (error: Error) => {
      const kinds = STANDINGS.join(', ');
      throw new Refused(`person: ${who} is none of ${kinds}, and nobody could be looked up: ${error.message}`, 2);
    },
  );
  const [person, ...others] = found;
  if (!person) throw new Refused(`person: Daypass knows nobody who is called ${who}, or has this id.`, 2);
  if (others.length === 0) return person;
  const all = found.map(({ id, name }) => `${withoutControls(name)} (${id})`).join(', ');
  throw new Refused(`person: ${who} could be one of several people. Name one by id: ${all}.`, 2);
}

const named = ({ name, standing, state }: Known): string =>
  `${withoutControls(name)}: ${standing}${state === 'active' ? '' : `. This person is ${state}, so nothing is allowed.`}`;

const why = ({ condition, wanted, got }: Mismatch): string =>
  `does not match: ${condition} ${wanted.slice(0, 5).join(', ')}${wanted.length > 5 ? ', …' : ''}; here ${got || 'none'}`;

/** Behind the approvals. */
const SIGNED: Readonly<Record<Assurance, string>> = {
  slack: '',
  signed: ' signed with SSH keys',
  fido: ' signed with FIDO keys',
};

/** What each login takes. */
const TAKES: Readonly<Record<KeyDemand, string>> = {
  any: '',
  fido: ' and FIDO keys for login',
  fido_verified: ' and FIDO keys that verify their user for login',
};

function sentence(decision: PolicyDecision): string {
  if (decision.allowed) {
    const { rules, approvals, assurance, keys, maxDurationSeconds: seconds, until } = decision;
    const longest = Duration.fromObject({ seconds }).rescale().toHuman({ listStyle: 'long' });
    const by = rules.map((rule) => `“${rule}”`).join(' and ');
    const needed = `${approvals === 1 ? '1 approval' : `${approvals} approvals`}${SIGNED[assurance]}${TAKES[keys]}`;
    return `Allowed by ${by}, with ${needed}, for at most ${longest}${until === null ? '' : `, until ${until.toISOString()} at the latest`}.`;
  }
  const { reason } = decision;
  switch (reason.kind) {
    case 'no_rule':
      return 'Refused: no rule matches.';
    case 'too_long':
      return `Refused: “${reason.rule}” does not allow so long.`;
    case 'hours':
      return reason.opens === null
        ? `Refused: it is outside the hours of “${reason.rule}”, and these rules have no hours in common.`
        : `Refused: it is outside the hours of “${reason.rule}”. Allowed again ${shownIn(reason, reason.opens)}.`;
    case 'ticket':
      return `Refused: “${reason.rule}” needs another ticket.`;
  }
}

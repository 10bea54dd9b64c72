import type { Rejection } from '../../access/rejection.ts';
import { type AskPreview, previewRequest } from '../../use-cases/requests/preview-request.ts';
import type { RequestAccessInput } from '../../use-cases/requests/request-access.ts';
import { type Edge, namesFor } from '../edge.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, listed, mono, own, someOf, value } from '../words/line.ts';
import { reasonLine } from '../words/refusals.ts';
import { loginTakes, needsSignature } from '../words/signing.ts';
import { count } from '../words/units.ts';

const NAMES_MAX = 5;
const RULES_MAX = 5;
const OTHERS_MAX = 10;

/** Below what was chosen: who will decide and by which rule, or why nobody can. It asks the store alone, never Slack. */
export async function previewBlocks(edge: Edge, input: RequestAccessInput): Promise<readonly Block[]> {
  const isOpen =
    input.targetIds.length === 0 || input.login === '' || input.scope === '' || input.durationSeconds === 0;
  if (isOpen) return [context(line`Choose targets, login, scope and duration to see who will be asked.`)];
  const preview = await previewRequest(edge)(input);
  return preview.kind === 'possible' ? possible(preview) : impossible(edge, preview);
}

function possible(preview: Extract<AskPreview, { kind: 'possible' }>): Block[] {
  const { rules, approvals, reviewers, names, ticket, until, keys } = preview;
  const people = reviewers.map((id) => value(names.get(id) ?? 'somebody', 80));
  return [
    section(
      line`${ruleNames(rules)} it needs *${own(count(approvals, 'approval'))}*.`,
      line`${someOf(people, NAMES_MAX)} will be asked.`,
      ...needsSignature(preview),
      ...loginTakes(keys),
      ...(until === null
        ? []
        : [
            line`:hourglass_flowing_sand: Access ends ${until} at the latest, because the allowed hours or the engagement end then.`,
          ]),
      ...(ticket === null ? [] : [line`:ticket: ${ticketWords(ticket)}`]),
    ),
  ];
}

const ruleNames = (rules: readonly string[]): Line => {
  const named = rules.map((rule) => line`“${value(rule, 100)}”`);
  return named.length === 1 ? line`By the rule ${listed(named)},` : line`By the rules ${someOf(named, RULES_MAX)},`;
};

const ticketWords = ({ rule, example }: NonNullable<Extract<AskPreview, { kind: 'possible' }>['ticket']>): Line =>
  example === null
    ? line`The rule “${value(rule, 100)}” needs a ticket.`
    : line`The rule “${value(rule, 100)}” needs a ticket, such as ${mono(example, 100)}.`;

/** Nothing can be asked for at the moment, whatever is chosen. */
export const restBlocks = (rejection: Rejection): readonly Block[] => [
  section(line`:no_entry: ${reasonLine(rejection, new Map())}`),
];

async function impossible(
  edge: Edge,
  { rejection, instead }: Extract<AskPreview, { kind: 'impossible' }>,
): Promise<readonly Block[]> {
  const refused = reasonLine(rejection, await namesFor(edge, rejection));
  if (!instead) return [section(line`:no_entry: ${refused}`)];
  const { without, scopes, logins } = instead;
  const ids = (some: readonly string[]): Line =>
    someOf(
      some.map((id) => mono(id, 70)),
      OTHERS_MAX,
    );
  const ways: readonly (Line | null)[] = [
    without.length > 0 ? line`No rule covers it on: ${ids(without)}` : null,
    scopes.length > 0 ? line`Allowed with the same targets and login: ${ids(scopes)}` : null,
    logins.length > 0 ? line`Allowed with the same targets and scope, as: ${ids(logins)}` : null,
  ];
  return [section(line`:no_entry: ${refused}`, ...ways.filter((way) => way !== null))];
}

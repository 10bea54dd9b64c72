import { short } from '../../access/ids.ts';
import { PLEDGE_MINUTES } from '../../access/pledge.ts';
import { type AccessRequest, RULE_BREAK } from '../../access/request.ts';
import type { Approval } from '../../use-cases/requests/sign-review.ts';
import type { Served } from '../pipe/worker-messages.ts';
import { plainLine } from './refusals.ts';
import { failure } from './self-service-words.ts';

/** What a reviewer types, or says on the command line, once they have read what they approve. */
export const YES = 'yes';

/** What the gateway shows before it asks. */
export function approvalLines({ request, engagement, requesterName }: Approval): string[] {
  const { ask } = request;
  const row = (name: string, text: string): string => `  ${name.padEnd(12)}${plainLine(text)}`;
  const targets = ask.targets.map(({ id, address, port }) => row('target', `${id} (${address}:${port})`));
  return [
    `You are about to approve the access request ${short(request.id)}:`,
    '',
    row('who', `${requesterName}, who works for ${engagement.vendor}`),
    row('engagement', engagement.name),
    ...targets,
    row('login', ask.login),
    row('scope', `${ask.scope.name}: ${ask.scope.words}`),
    row('duration', lasting(ask.durationSeconds)),
    row('ticket', ask.ticket ?? 'none'),
    ...pieces(ask.reason).map((piece, index) => row(index === 0 ? 'reason' : '', piece)),
    row('rule', request.rule.split(RULE_BREAK).join(', ')),
    row('digest', request.digest),
    '',
  ];
}

export const APPROVAL_WORDS = {
  question: `Type ${YES} to approve: `,
  unsure: `Nothing was approved. Connect again within ${PLEDGE_MINUTES} minutes of pressing Approve, and type ${YES}.`,
  onlyYes: `The only command here is ${YES}. Without it, ssh shows what you are about to approve.`,
} as const;

/** What was said of the request that was signed. */
export const signedAnswer = (request: AccessRequest): Served => ({
  stdout:
    request.status === 'approved'
      ? 'Approved, and signed with your key. Access was granted.\n'
      : 'Approved, and signed with your key. The request needs more approvals.\n',
  ...{ stderr: '', exit: 0 },
});

export const notSigned = (sentence: string): Served => failure(sentence, 1);

const PIECE_MAX = 400;

/** A long reason goes over several lines, so that all of it is read. */
function pieces(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line) => line.match(new RegExp(`.{1,${PIECE_MAX}}`, 'gsu')) ?? []);
}

function lasting(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return [hours > 0 ? `${hours} h` : '', rest > 0 ? `${rest} min` : ''].filter((part) => part !== '').join(' ');
}

import { expiresAt } from '../access/grant.ts';
import type { GrantView } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, section } from './blocks.ts';
import { line, own, strong, toNotification } from './line.ts';
import { count } from './words.ts';

/** To the contractor, where access had ended before Slack took the message that would have brought it. */
export function grantIssuedTooLate({ grant, engagement }: GrantView): { text: string; blocks: Block[] } {
  const { end, terms } = grant;
  const how =
    end === null
      ? line`ran out ${expiresAt(grant)}`
      : end.how === 'returned'
        ? line`was handed back by you ${end.at}`
        : line`was revoked ${end.at}`;
  const said = line`:hourglass: *Your access has already ended.* It was for ${own(count(terms.targets.length, 'target'))} in ${strong(engagement.name, 80)}, was granted ${new Date(terms.notBefore)}, and ${how}. Slack did not take this message before.`;
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      actions('late', [button({ action: ACTION.openRequest, label: 'Ask again', value: engagement.id })]),
    ],
  };
}

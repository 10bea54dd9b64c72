import { COMMENT_LIMITS } from '../../access/comment.ts';
import type { GrantView } from '../../use-cases/views/views.ts';
import { accessLine } from '../words/access-line.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, type Block, button, context, paragraph, quoted, rich, section } from '../words/blocks.ts';
import { line, own, strong, toNotification } from '../words/line.ts';
import { count } from '../words/units.ts';
import { howItEnded } from './grant-messages.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const again = ({ engagement }: GrantView): Block =>
  actions('over', [button({ action: ACTION.openRequest, label: 'Request again', value: engagement.id })]);

/** What the contractor's card becomes once access has ended. */
export function grantOver(view: GrantView): Message {
  const { grant, engagement } = view;
  const what = line`${accessLine(grant.terms)}, in ${strong(engagement.name, 80)}`;
  const said = line`:checkered_flag: *Access ended*: ${howItEnded(view)}`;
  return { text: toNotification(line`${said}. ${what}`), blocks: [section(said, what), again(view)] };
}

/** To the contractor: somebody else ended the access, and may have given a reason. */
export function grantRevoked(view: GrantView): Message {
  const { grant, engagement, endedBy } = view;
  const what = line`${accessLine(grant.terms)}, in ${strong(engagement.name, 80)}`;
  const said = line`:no_entry: *Your access was ended*: ${howItEnded(view)}`;
  const remark = endedBy?.kind === 'daypass' ? null : (grant.end?.comment ?? null);
  return {
    text: toNotification(line`${said}. ${what}`),
    blocks: [
      remark === null ? section(said, what) : rich(paragraph(said, what), quoted(remark, COMMENT_LIMITS.length)),
      context(
        line`Its live sessions were disconnected. Ask ${own(remark === null ? 'why ' : '')}in the engagement’s thread before you request access again.`,
      ),
      again(view),
    ],
  };
}

/** To the contractor, where access had ended before Slack accepted the message about it. */
export function grantIssuedTooLate(view: GrantView): Message {
  const { grant, engagement } = view;
  const { terms } = grant;
  const said = line`:hourglass: *Your access has already ended*: ${howItEnded(view)}. It was for ${own(count(terms.targets.length, 'target'))} in ${strong(engagement.name, 80)} and was granted ${new Date(terms.notBefore)}. Slack did not accept this message until now.`;
  return { text: toNotification(said), blocks: [section(said), again(view)] };
}

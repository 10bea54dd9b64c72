import { expiresAt, type Grant } from '../access/grant.ts';
import type { PersonId } from '../access/ids.ts';
import type { RegisteredKey } from '../access/person.ts';
import type { GrantView, RequestView } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, section } from './blocks.ts';
import { nameOf } from './engagement-message.ts';
import {
  type AccessFile,
  accessFiles,
  directCommand,
  type GatewayFacts,
  gatewayCommand,
  installLines,
  targetName,
} from './ssh-config.ts';
import { bold, code, escapeText, quote } from './text.ts';
import { count, duration, list, when } from './words.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const EXAMPLES_MAX = 5;
const COMMENT_MAX = 1_500;

/** Lines to copy. Inside a code block only the three entities need escaping. */
export const codeBlock = (lines: readonly string[]): string =>
  `\`\`\`\n${lines.map((line) => line.replace(/[&<>]/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[each] ?? '')).join('\n')}\n\`\`\``;

const describe = ({ request, engagement }: RequestView): string => {
  const { ask } = request;
  const targets = ask.targets.slice(0, EXAMPLES_MAX).map((target) => code(target.id, 70));
  const rest = ask.targets.length - targets.length;
  return `${targets.join(', ')}${rest > 0 ? ` and ${count(rest, 'more target')}` : ''} as ${code(ask.login, 40)} in ${bold(engagement.name, 80)}`;
};

/** To the requester: it arrived, and whose turn it is. */
export function requestReceived(view: RequestView): Message {
  const { request, engagement, names } = view;
  const reviewers = engagement.reviewerIds
    .filter((id) => id !== request.ask.personId)
    .slice(0, 20)
    .map((id) => names.get(id) ?? 'somebody');
  return {
    text: 'Your access request was received',
    blocks: [
      section(
        `Your request was received: ${describe(view)}, ${duration(request.ask.durationSeconds)} from the approval on.`,
      ),
      context(
        `${list(reviewers, 80)} can review it; ${count(request.approvals, 'approval')} needed. It waits until ${when(request.expiresAt)}.`,
      ),
      actions('received', [button({ action: ACTION.showList, label: 'My access and requests' })]),
    ],
  };
}

/** To the requester: denied, or nobody decided in time. */
export function requestClosed(view: RequestView): Message {
  const { request, names } = view;
  const denial = request.reviews.findLast((review) => review.verdict === 'deny');
  const again = actions('again', [
    button({ action: ACTION.openRequest, label: 'Ask again', value: view.engagement.id }),
  ]);
  if (request.status === 'denied' && denial) {
    const why = denial.comment
      ? [section(quote(denial.comment, COMMENT_MAX))]
      : [context('No reason was given; ask in the engagement’s thread.')];
    const line = `:no_entry: ${nameOf(names, denial.reviewerId)} denied your request: ${describe(view)}.`;
    return { text: 'Your access request was denied', blocks: [section(line), ...why, again] };
  }
  const line = `:hourglass: Nobody decided your request in time, so it expired: ${describe(view)}. Talk to the reviewers in the engagement’s thread, then ask again.`;
  return { text: 'Your access request expired', blocks: [section(line), again] };
}

/** To the key's owner, or to the sponsor of an engagement that the owner works in. */
export function keyRegistered(key: RegisteredKey, owner: string, to: PersonId): Message {
  const type = escapeText(key.publicKey.split(' ')[0] ?? '', 50);
  const line = `${code(key.fingerprint, 70)} (${type}) · ${when(key.registeredAt)}`;
  if (key.personId === to) {
    return {
      text: 'Your SSH key is registered',
      blocks: [
        section(`:key: Your SSH key is registered: ${line}`),
        context('It joins no access you already have. If this was not you, tell security at once.'),
        actions('registered', [
          button({ action: ACTION.openRequest, label: 'Request access', style: 'primary', value: '' }),
        ]),
      ],
    };
  }
  return {
    text: 'A member of your engagement registered an SSH key',
    blocks: [
      section(`:key: ${bold(owner, 80)}, a member of an engagement you opened, registered an SSH key: ${line}`),
      context('It joins no access that exists already. If you did not expect it, ask them by another way than Slack.'),
    ],
  };
}

/** Certificate, ssh_config and the lines that install them: one message with files. */
export function grantIssued(
  view: GrantView,
  over: readonly Grant[],
  gateway: GatewayFacts,
): { readonly text: string; readonly files: readonly AccessFile[] } {
  const { grant, engagement } = view;
  const { login, targets } = grant.terms;
  const [first] = targets;
  const names = targets.slice(0, EXAMPLES_MAX).map((target) => `ssh ${targetName(target.id, gateway)}`);
  const rest = targets.length - names.length;
  const running = view.liveSessions;
  const text = [
    `:white_check_mark: Your access to ${count(targets.length, 'target')} in ${bold(engagement.name, 80)} is granted, until ${when(expiresAt(grant))}.`,
    ...(running > 0
      ? [`*It extends ${count(running, 'session')} that you have open:* go on working, nothing needs a new connection.`]
      : []),
    'Download the files of this message, then paste these lines into a terminal (change `~/Downloads` if your files go elsewhere):',
    codeBlock(installLines(grant, over)),
    `Connect${rest > 0 ? `, to these and ${count(rest, 'more target')} in the .conf file` : ''}:`,
    codeBlock(names),
    ...(first ? [`Or without ssh_config names: ${code(directCommand(login, first.id, gateway), 400)}`] : []),
    `To be spared the files next time: ${code(gatewayCommand('config', gateway), 400)} prints an ssh_config to set up once, for every access to come.`,
    `_Is the key that you registered not where ssh-keygen puts it? Change \`IdentityFile\` in the .conf file. Sessions are recorded._`,
  ];
  return { text: text.join('\n'), files: accessFiles(grant, view.certificates, view.keys, gateway) };
}

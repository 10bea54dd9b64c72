import { COMMENT_LIMITS } from '../../access/comment.ts';
import { expiresAt, type Grant, grantedMs } from '../../access/grant.ts';
import type { PersonId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import { setUpCommand } from '../../access/ssh-config.ts';
import type { GrantView, RequestView } from '../../use-cases/views/views.ts';
import { accessLine, askedLine } from '../words/access-line.ts';
import { ACTION } from '../words/action-ids.ts';
import {
  actions,
  type Block,
  button,
  context,
  paragraph,
  preformatted,
  quoted,
  rich,
  section,
} from '../words/blocks.ts';
import { doneButton, extendButton, waitingButtons } from '../words/buttons.ts';
import { directCommand, type GatewayFacts, targetName } from '../words/gateway-facts.ts';
import { type Line, line, mono, own, strong, toNotification, value } from '../words/line.ts';
import { entities } from '../words/text.ts';
import { count, duration, roughly, when } from '../words/units.ts';
import { type AccessFile, accessFiles, installLines } from './access-files.ts';
import { nameOf } from './engagement-message.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const EXAMPLES_MAX = 5;

const describe = ({ request, engagement }: RequestView): Line =>
  line`${accessLine(request.ask)}, for ${own(duration(request.ask.durationSeconds))}, in ${strong(engagement.name, 80)}`;

/** To the requester: it arrived, and who can review it. */
export function requestReceived(view: RequestView): Message {
  const { request } = view;
  const said = line`Your request was received: ${describe(view)}`;
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      context(
        askedLine(view.asked, view.names),
        line`Needs ${own(count(request.approvals, 'approval'))} · expires ${request.expiresAt}`,
      ),
      actions('received', [
        ...waitingButtons(request.id),
        button({ action: ACTION.showList, label: 'My access and requests' }),
      ]),
    ],
  };
}

/** To the requester: denied, or nobody decided in time. */
export function requestClosed(view: RequestView): Message {
  const { request, names } = view;
  const denial = request.reviews.findLast((review) => review.verdict === 'deny');
  const again = actions('again', [
    button({ action: ACTION.openRequest, label: 'Request again', value: view.engagement.id }),
  ]);
  if (request.status === 'denied' && denial) {
    const said = line`:no_entry: ${nameOf(names, denial.reviewerId)} denied your request: ${describe(view)}`;
    const why = denial.comment
      ? [rich(paragraph(said), quoted(denial.comment, COMMENT_LIMITS.length))]
      : [section(said), context(line`No reason was given. Ask in the engagement’s thread.`)];
    return { text: toNotification(said), blocks: [...why, again] };
  }
  if (request.status === 'withdrawn') {
    const said = line`:no_entry: Your request was withdrawn by somebody else: ${describe(view)}`;
    return {
      text: toNotification(said),
      blocks: [section(said), context(line`Ask the person who opened the engagement before you request again.`)],
    };
  }
  const said = line`:hourglass: Your request expired because nobody reviewed it in time: ${describe(view)}`;
  return {
    text: toNotification(said),
    blocks: [section(said), context(line`Ask the reviewers in the engagement’s thread, then request again.`), again],
  };
}

/** To the owner of a key that was taken away. */
export function keyRetired({ fingerprint, retiredAt }: RegisteredKey): Message {
  const said = line`:key: Your SSH key ${mono(fingerprint, 70)} was retired${retiredAt ? line` ${retiredAt}` : []}. It no longer gives you any access.`;
  return {
    text: toNotification(said),
    blocks: [
      section(said),
      context(
        line`Register another key, then request access again. If you do not know why it was retired, ask in the engagement’s thread.`,
      ),
      actions('retired', [button({ action: ACTION.showKey, label: 'Register a key' })]),
    ],
  };
}

/** To the key's owner, or to the sponsor of an engagement that the owner works in. */
export function keyRegistered(key: RegisteredKey, owner: string, to: PersonId): Message {
  const type = value(key.publicKey.split(' ')[0] ?? '', 50);
  const which = line`${mono(key.fingerprint, 70)} (${type}), ${key.registeredAt}`;
  if (key.personId === to) {
    return {
      text: toNotification(line`Your SSH key is registered: ${type}`),
      blocks: [
        section(line`:key: *Your SSH key is registered*`, which),
        context(
          line`You cannot use it for access that was granted earlier. If this was not you, tell security immediately.`,
        ),
        actions('registered', [
          button({ action: ACTION.openRequest, label: 'Request access', style: 'primary', value: '' }),
        ]),
      ],
    };
  }
  return {
    text: toNotification(line`${strong(owner, 80)}, a member of your engagement, registered an SSH key: ${type}`),
    blocks: [
      section(line`:key: ${strong(owner, 80)}, a member of an engagement you opened, registered an SSH key`, which),
      context(
        line`It cannot be used for access that was granted earlier. If you did not expect this, check with them outside Slack.`,
      ),
    ],
  };
}

/** To the contractor: what to type. Once ssh is set up for Daypass, nothing has to be downloaded. */
export function grantIssued(view: GrantView, gateway: GatewayFacts): Message {
  const { grant, engagement, liveSessions: running } = view;
  const { targets } = grant.terms;
  const names = targets.slice(0, EXAMPLES_MAX).map((target) => `ssh ${targetName(target.id, gateway)}`);
  const rest = targets.length - names.length;
  const what = accessLine(grant.terms);
  const lasts = own(roughly(grantedMs(grant)));
  const where = strong(engagement.name, 80);
  return {
    text: toNotification(line`You have access: ${what}, for ${lasts}, in ${where}`),
    blocks: [
      section(
        line`:white_check_mark: *You have access* in ${where}, for ${lasts}, until ${expiresAt(grant)}`,
        what,
        ...(running > 0
          ? [
              line`*It extends ${own(count(running, 'session'))} that you have open.* Keep working: you do not have to reconnect.`,
            ]
          : []),
      ),
      rich(
        paragraph(rest > 0 ? line`Connect to these and ${own(count(rest, 'more target'))}:` : line`Connect:`),
        preformatted(names.join('\n')),
        paragraph(line`First time? Run this once to set up ssh. There is never anything to download after that:`),
        preformatted(setUpCommand(gateway)),
      ),
      context(line`Sessions are recorded.`),
      actions('granted', [
        extendButton(grant.id),
        doneButton(grant.id),
        button({ action: `${ACTION.sendFiles}:${grant.id}`, label: 'Other ways in', value: grant.id }),
        button({ action: ACTION.showList, label: 'My access' }),
      ]),
    ],
  };
}

/**
 * Certificate, ssh_config and known_hosts, for people who want files. The comment of files is mrkdwn, so it holds nothing that anybody
 * could have typed: target ids and logins consist of letters, digits and hyphens.
 */
export function grantFiles(
  view: GrantView,
  over: readonly Grant[],
  gateway: GatewayFacts,
): { readonly text: string; readonly files: readonly AccessFile[] } {
  const { grant } = view;
  const { login, targets } = grant.terms;
  const [first] = targets;
  const names = targets.slice(0, EXAMPLES_MAX).map((target) => target.id);
  const rest = targets.length - names.length;
  const text = [
    `Certificate and ssh_config for ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} as ${login}, until ${when(expiresAt(grant))}.`,
    'Download the files in this message, then paste this line into a terminal (change `~/Downloads` if your downloads go elsewhere):',
    codeBlock(installLines(grant, over)),
    ...(first
      ? [
          'Then connect by name or directly:',
          codeBlock([`ssh ${targetName(first.id, gateway)}`, directCommand(login, first.id, gateway)]),
        ]
      : []),
    '_If your private key is not where ssh-keygen saves it by default, change `IdentityFile` in the .conf file._',
  ];
  return { text: text.join('\n'), files: accessFiles(grant, view.certificates, view.keys, gateway) };
}

export const codeBlock = (lines: readonly string[]): string => `\`\`\`\n${entities(lines.join('\n'))}\n\`\`\``;

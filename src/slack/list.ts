import { expiresAt, type Grant } from '../access/grant.ts';
import { GrantId, type PersonId, type RequestId, short } from '../access/ids.ts';
import type { AccessRequest } from '../access/request.ts';
import { endGrant } from '../use-cases/end-grant.ts';
import { messageKey } from '../use-cases/notice.ts';
import { type AccessList, listAccess } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { type Answer, refusal, say } from './answer.ts';
import { actions, type Block, button, context, divider, LIMITS, section } from './blocks.ts';
import type { Asker, Edge } from './edge.ts';
import { accessLine, endGrantButton, timeLeft } from './grant-messages.ts';
import { type Line, line, listed, own, strong, tag, value } from './line.ts';
import { count, duration } from './words.ts';

const EACH_MAX = 5;
const PREFIX_MIN = 4;

export const readList = (edge: Edge, asker: Asker): Promise<AccessList> =>
  listAccess(edge)({ personId: asker.person.id, isSecurity: asker.isSecurity });

type Links = ReadonlyMap<RequestId, string>;
const NO_LINKS: Links = new Map();

/** What one has, waits for, and may decide or end. `cards` has the addresses of review cards. */
export function listBlocks(list: AccessList, now: Date, cards: Links = NO_LINKS): Block[] {
  const name = (id: PersonId): Line => strong(list.names.get(id) ?? 'somebody', 80);
  const nothing = list.grants.length + list.pending.length + list.toReview.length + list.revocable.length === 0;
  const blocks: Block[] = [
    ...part('Waiting for your review', list.toReview, (request) => [
      section(line`${name(request.ask.personId)} asks for ${requestLine(request)}`),
      context(line`Waits until ${request.expiresAt}`),
      ...openCard(request, cards),
    ]),
    ...part('Your access', list.grants, (grant) => withEnd(grantLine(grant, now), grant, true)),
    ...part('Your requests, waiting for a review', list.pending, (request) => [
      section(requestLine(request)),
      context(line`Waits until ${request.expiresAt}`),
      actions(`pending_${request.id}`, [
        button({ action: `${ACTION.withdraw}:${request.id}`, label: 'Withdraw', value: request.id }),
      ]),
    ]),
    ...part('Access of others that you can end', list.revocable, (grant) =>
      withEnd([line`${name(grant.terms.personId)}: ${accessLine(grant.terms)}`, left(grant, now)], grant, false),
    ),
  ];
  if (nothing) blocks.push(section(line`You have no live access, no open request, and nothing to review.`));
  blocks.push(context(...keysLines(list)));
  return blocks.slice(0, LIMITS.messageBlocks);
}

function part<T>(title: string, items: readonly T[], show: (item: T) => Block[]): Block[] {
  if (items.length === 0) return [];
  const rest = items.length - EACH_MAX;
  return [
    section(line`*${own(title)}*`),
    ...items.slice(0, EACH_MAX).flatMap(show),
    ...(rest > 0 ? [context(line`and ${rest} more; \`daypass grants list\` on the host shows all`)] : []),
    divider(),
  ];
}

/** A decision is made on the card, which has all facts; where its address is not known it is in the direct messages. */
function openCard(request: AccessRequest, cards: Links): Block[] {
  const url = cards.get(request.id);
  return url === undefined
    ? [context(line`Approve or deny it on the card in your direct messages with Daypass.`)]
    : [
        actions(`review_${request.id}`, [
          button({ action: `${ACTION.openCard}:${request.id}`, label: 'Open the card', style: 'primary', url }),
        ]),
      ];
}

const left = (grant: Grant, now: Date): Line =>
  line`${timeLeft(expiresAt(grant), now)} · access ${tag(short(grant.id))}`;

const grantLine = (grant: Grant, now: Date): readonly Line[] => [accessLine(grant.terms), left(grant, now)];

const requestLine = ({ ask }: AccessRequest): Line =>
  line`${accessLine(ask)}, for ${own(duration(ask.durationSeconds))}`;

const withEnd = (lines: readonly Line[], grant: Grant, mine: boolean): Block[] => [
  section(...lines),
  actions(`grant_${grant.id}`, [
    ...(mine ? [extendButton(grant.id)] : []),
    endGrantButton(grant.id, mine ? 'Hand back' : 'Revoke', mine),
  ]),
];

const extendButton = (grantId: string) =>
  button({ action: `${ACTION.extendGrant}:${grantId}`, label: 'Extend', value: grantId });

const keysLines = ({ keys, engagements }: AccessList): readonly Line[] => {
  const names = engagements.slice(0, 10).map((engagement) => value(engagement.name, 80));
  const registered =
    keys.length === 0 ? own('No SSH key registered') : own(`${count(keys.length, 'SSH key')} registered`);
  return [registered, names.length === 0 ? own('Not a member of any engagement') : line`Member of ${listed(names)}`];
};

export async function listAnswer(edge: Edge, asker: Asker): Promise<Answer> {
  const list = await readList(edge, asker);
  return { text: summary(list), blocks: listBlocks(list, edge.clock.now(), await cardLinks(edge, asker, list)) };
}

const summary = ({ grants, pending, toReview }: AccessList): string =>
  `Your access: ${grants.length} live, ${count(pending.length, 'request')} waiting, ${toReview.length} to review`;

/** Where the review cards of the first few are. A card that Slack does not find has no address. */
export async function cardLinks(edge: Edge, asker: Asker, { toReview }: AccessList): Promise<Links> {
  const links = new Map<RequestId, string>();
  for (const { id: requestId } of toReview.slice(0, EACH_MAX)) {
    const key = messageKey({ kind: 'review_card', requestId, to: asker.person.id });
    const card = await edge.store.transaction((tx) => tx.messages.get(key));
    if (!card) continue;
    const answer = await edge.web.chat
      .getPermalink({ channel: card.channelId, message_ts: card.ts })
      .catch((error: unknown) => edge.log.warn({ err: error }, 'a review card has no address'));
    if (answer?.permalink) links.set(requestId, answer.permalink);
  }
  return links;
}

/** `/access revoke`: the list with its buttons; with the beginning of a grant's id, that grant ends. */
export async function revokeAnswer(edge: Edge, asker: Asker, prefix: string | null): Promise<Answer> {
  const list = await readList(edge, asker);
  const endable = [...list.grants, ...list.revocable];
  if (prefix === null) {
    if (endable.length === 0) return say('There is no live access that you can end. /access list shows what you have.');
    return {
      text: 'Which access should end?',
      blocks: listBlocks({ ...list, pending: [], toReview: [], governed: [] }, edge.clock.now()),
    };
  }
  const wanted = prefix.toLowerCase();
  const matching = wanted.length < PREFIX_MIN ? [] : endable.filter((grant) => grant.id.startsWith(wanted));
  const [only, ...others] = matching;
  if (!only) {
    return say(
      `No live access that you can end begins with “${prefix.slice(0, 60)}”. Give at least the first ${PREFIX_MIN} characters; /access list shows them.`,
    );
  }
  if (others.length > 0)
    return say(`“${prefix}” matches ${matching.length} of them. Give more characters; /access list shows them.`);
  return endAnswer(edge, asker, only.id);
}

/** Ends a grant by its whole id. */
export async function endAnswer(edge: Edge, asker: Asker, grantId: string | undefined): Promise<Answer> {
  const id = GrantId.safeParse(grantId);
  if (!id.success) return refusal(edge, { code: 'unknown_grant' });
  const ended = await endGrant(edge)({
    by: asker.person.id,
    grantId: id.data,
    comment: null,
    isSecurity: asker.isSecurity,
  });
  if (!ended.ok) return refusal(edge, ended.rejection);
  const { grant, also, left } = ended.value;
  const mine = grant.end?.how === 'returned';
  const more = also.length === 0 ? '' : `, and ${count(also.length, 'other grant')} on the same targets with it`;
  const done = say(
    `Done: the access was ${mine ? 'handed back' : 'revoked'}${more}. Live sessions are being cut; the engagement’s thread says when none is left.`,
  );
  if (left.length === 0) return done;
  const now = edge.clock.now();
  const shown = left.slice(0, EACH_MAX).flatMap((each) => withEnd(grantLine(each, now), each, mine));
  return {
    text: done.text,
    blocks: [...done.blocks, section(mine ? line`*You still have*` : line`*Still live*`), ...shown],
  };
}

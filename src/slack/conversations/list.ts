import { expiresAt, type Grant } from '../../access/grant.ts';
import { GrantId, type PersonId, type RequestId, short } from '../../access/ids.ts';
import type { AccessRequest } from '../../access/request.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { endGrant } from '../../use-cases/grants/end-grant.ts';
import { messageKey } from '../../use-cases/notice.ts';
import { type AccessList, listAccess } from '../../use-cases/views/access-list.ts';
import type { Asker, Edge } from '../edge.ts';
import { accessLine, askedLine, timeLeft } from '../words/access-line.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, type Block, button, context, divider, LIMITS, section, textLength } from '../words/blocks.ts';
import { doneButton, extendButton, revokeButton, waitingButtons } from '../words/buttons.ts';
import { type Line, line, listed, own, strong, tag, value } from '../words/line.ts';
import { count, duration } from '../words/units.ts';
import { type Answer, refusal, say } from './answer.ts';

const EACH_MAX = 5;
/** One's own and other people's grants shown when somebody asks what to end. */
const ENDABLE_MAX = 40;
const PREFIX_MIN = 4;

export const readList = (edge: Edge, asker: Asker): Promise<AccessList> =>
  listAccess(edge)({ personId: asker.person.id, isSecurity: asker.isSecurity });

export type Links = ReadonlyMap<RequestId, string>;
const NO_LINKS: Links = new Map();

type Shown = {
  /** The addresses of review cards. */
  readonly cards?: Links;
  /** So many of each part, or as many fewer as there is room for. */
  readonly most?: number;
  readonly room?: number;
};

/** One's access and requests, and what one may decide or end, with as many of each as fit. */
export const listBlocks = (list: AccessList, now: Date, shown: Shown = {}): Block[] =>
  fitting(shown, (each) => [...reviewBlocks(list, each, shown.cards), ...ownBlocks(list, now, each)]);

/** Blocks beyond Slack's limit would lose their buttons, so fewer are shown and the rest is counted. */
export function fitting(
  { most = EACH_MAX, room = LIMITS.messageBlocks }: Shown,
  make: (each: number) => Block[],
): Block[] {
  for (let each = most; each > 1; each -= 1) {
    const blocks = make(each);
    if (blocks.length <= room && textLength(blocks) <= LIMITS.messageText) return blocks;
  }
  return make(1);
}

const nameIn = (list: AccessList, id: PersonId): Line => strong(list.names.get(id) ?? 'somebody', 80);

export const reviewBlocks = (list: AccessList, each: number, cards: Links = NO_LINKS): Block[] =>
  part(
    'Waiting for your review',
    list.toReview,
    each,
    own('their cards are in your direct messages with Daypass'),
    (request) => [
      section(line`${nameIn(list, request.ask.personId)} requests ${requestLine(request)}`),
      context(line`Expires ${request.expiresAt}`),
      ...openCard(request, cards),
    ],
  );

/** One's own access and requests, and other people's access that one may end. */
export function ownBlocks(list: AccessList, now: Date, each: number): Block[] {
  const { grants, pending, toReview, revocable } = list;
  const nothing = grants.length + pending.length + toReview.length + revocable.length === 0;
  const more = line`\`/access revoke\` shows more`;
  return [
    ...part('Your access', grants, each, more, (grant) => withEnd(grantLine(grant, now), grant, true)),
    ...part('Your requests waiting for review', pending, each, null, (request) => [
      section(requestLine(request)),
      context(askedLine(list.asked.get(request.id) ?? [], list.names), line`Expires ${request.expiresAt}`),
      actions(`pending_${request.id}`, waitingButtons(request.id)),
    ]),
    ...part('Other people’s access that you can end', revocable, each, more, (grant) =>
      withEnd(
        [line`${nameIn(list, grant.terms.personId)}: ${accessLine(grant.terms)}`, left(grant, now)],
        grant,
        false,
      ),
    ),
    ...(nothing ? [section(nothingLine(list))] : []),
    ...(isOnlyManaging(list) ? [] : [context(...keysLines(list))]),
  ];
}

/** Somebody who looks after engagements but is a member of none: they need no keys or access of their own. */
export const isOnlyManaging = ({ grants, pending, engagements, keys, governed, toReview }: AccessList): boolean =>
  governed.length + toReview.length > 0 && grants.length + pending.length + engagements.length + keys.length === 0;

const nothingLine = (list: AccessList): Line =>
  isOnlyManaging(list)
    ? line`Nothing is waiting for your review, and there is no access that you can end.`
    : line`You have no access, no open requests, and nothing to review.`;

function part<T>(
  title: string,
  items: readonly T[],
  each: number,
  where: Line | null,
  show: (item: T) => Block[],
): Block[] {
  if (items.length === 0) return [];
  const rest = items.length - each;
  return [
    section(line`*${own(title)}*`),
    ...items.slice(0, each).flatMap(show),
    ...(rest > 0 ? [context(line`and ${rest} more${where === null ? [] : line`; ${where}`}`)] : []),
    divider(),
  ];
}

/** Requests are decided on the card, which has all facts. Where its address is unknown, it is in the direct messages. */
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
  actions(`grant_${grant.id}`, [...(mine ? [extendButton(grant.id), doneButton(grant.id)] : [revokeButton(grant.id)])]),
];

const keysLines = ({ keys, engagements }: AccessList): readonly Line[] => {
  const names = engagements.slice(0, 10).map((engagement) => value(engagement.name, 80));
  const registered =
    keys.length === 0 ? own('No SSH key registered') : own(`${count(keys.length, 'SSH key')} registered`);
  return [registered, names.length === 0 ? own('Not a member of any engagement') : line`Member of ${listed(names)}`];
};

export async function listAnswer(edge: Edge, asker: Asker): Promise<Answer> {
  const list = await readList(edge, asker);
  return {
    text: summary(list),
    blocks: listBlocks(list, edge.clock.now(), { cards: await cardLinks(edge, asker, list) }),
  };
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
    if (endable.length === 0) return say('There is no access that you can end. /access list shows what you have.');
    return {
      text: 'Which access should end?',
      blocks: listBlocks({ ...list, pending: [], toReview: [] }, edge.clock.now(), { most: ENDABLE_MAX }),
    };
  }
  const wanted = prefix.toLowerCase();
  const matching = wanted.length < PREFIX_MIN ? [] : endable.filter((grant) => grant.id.startsWith(wanted));
  const [only, ...others] = matching;
  if (!only) {
    return say(
      `No access that you can end has an id starting with “${prefix.slice(0, 60)}”. Enter at least the first ${PREFIX_MIN} characters. /access list shows them.`,
    );
  }
  if (others.length > 0)
    return say(
      `The ids of ${matching.length} grants start with “${prefix}”. Enter more characters. /access list shows them.`,
    );
  const ended = await endAnswer(edge, asker, only.id, null);
  return ended.ok ? ended.value : refusal(edge, ended.rejection);
}

/** Ends a grant by its whole id, with what its holder is told. */
export async function endAnswer(
  edge: Edge,
  asker: Asker,
  grantId: string | undefined,
  comment: string | null,
): Promise<Result<Answer>> {
  const id = GrantId.safeParse(grantId);
  if (!id.success) return refuse({ code: 'unknown_grant' });
  const ended = await endGrant(edge)({
    by: asker.person.id,
    grantId: id.data,
    comment,
    isSecurity: asker.isSecurity,
  });
  if (!ended.ok) return ended;
  const { grant, also, left } = ended.value;
  const mine = grant.end?.how === 'returned';
  const more = also.length === 0 ? '' : `, together with ${count(also.length, 'other grant')} on the same targets`;
  const done = say(
    `Done: access was ${mine ? 'handed back' : 'revoked'}${more}. Live sessions are being terminated. The engagement’s thread shows when none are left.`,
  );
  if (left.length === 0) return ok(done);
  const now = edge.clock.now();
  const shown = left.slice(0, EACH_MAX).flatMap((each) => withEnd(grantLine(each, now), each, mine));
  return ok({
    text: done.text,
    blocks: [...done.blocks, section(mine ? line`*You still have*` : line`*Still live*`), ...shown],
  });
}

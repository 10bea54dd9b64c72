import { expiresAt, type Grant } from '../access/grant.ts';
import { GrantId, type PersonId, short } from '../access/ids.ts';
import type { AccessRequest } from '../access/request.ts';
import { endGrant } from '../use-cases/end-grant.ts';
import { type AccessList, listAccess } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { type Answer, refusal, say } from './answer.ts';
import { actions, type Block, button, context, divider, LIMITS, section } from './blocks.ts';
import type { Asker, Edge } from './edge.ts';
import { endGrantButton } from './grant-messages.ts';
import { bold, code, escapeText } from './text.ts';
import { count, duration, roughly, when } from './words.ts';

const EACH_MAX = 5;
const TARGETS_SHOWN = 3;
const PREFIX_MIN = 4;

const readList = (edge: Edge, asker: Asker): Promise<AccessList> =>
  listAccess(edge)({ personId: asker.person.id, isSecurity: asker.isSecurity });

const targetsOf = (targets: readonly { readonly id: string }[]): string => {
  const shown = targets.slice(0, TARGETS_SHOWN).map((target) => code(target.id, 70));
  return targets.length > shown.length
    ? `${shown.join(', ')} and ${targets.length - shown.length} more`
    : shown.join(', ');
};

/** What one has, waits for, and may decide or end. */
export function listBlocks(list: AccessList, now: Date): Block[] {
  const name = (id: PersonId): string => bold(list.names.get(id) ?? 'somebody', 80);
  const nothing = list.grants.length + list.pending.length + list.toReview.length + list.revocable.length === 0;
  const blocks: Block[] = [
    ...part('Your access', list.grants, (grant) => withEnd(`${grantLine(grant, now)}`, grant, true)),
    ...part('Your requests, waiting for a review', list.pending, (request) => [
      section(`${requestLine(request)} · waits until ${when(request.expiresAt)}`),
      actions(`pending_${request.id}`, [
        button({ action: `${ACTION.withdraw}:${request.id}`, label: 'Withdraw', value: request.id }),
      ]),
    ]),
    ...part('Waiting for your review (the card is in your direct messages with Daypass)', list.toReview, (request) => [
      section(`${name(request.ask.personId)}: ${requestLine(request)} · waits until ${when(request.expiresAt)}`),
    ]),
    ...part('Access of others that you may end', list.revocable, (grant) =>
      withEnd(`${name(grant.terms.personId)}: ${grantLine(grant, now)}`, grant, false),
    ),
  ];
  if (nothing) blocks.push(section('You have no live access, no request, and nothing to review.'));
  blocks.push(context(keysLine(list)));
  return blocks.slice(0, LIMITS.messageBlocks);
}

function part<T>(title: string, items: readonly T[], show: (item: T) => Block[]): Block[] {
  if (items.length === 0) return [];
  const rest = items.length - EACH_MAX;
  return [
    section(`*${title}*`),
    ...items.slice(0, EACH_MAX).flatMap(show),
    ...(rest > 0 ? [context(`and ${rest} more; \`daypass grants list\` on the host shows all`)] : []),
    divider(),
  ];
}

const grantLine = (grant: Grant, now: Date): string =>
  `${targetsOf(grant.terms.targets)} as ${code(grant.terms.login, 40)}, scope ${code(grant.terms.scope.name, 60)} · *${roughly(expiresAt(grant).getTime() - now.getTime())} left*, until ${when(expiresAt(grant))} · grant ${code(short(grant.id), 12)}`;

const requestLine = ({ ask }: AccessRequest): string =>
  `${targetsOf(ask.targets)} as ${code(ask.login, 40)}, scope ${code(ask.scope.name, 60)}, ${duration(ask.durationSeconds)}`;

const withEnd = (line: string, grant: Grant, mine: boolean): Block[] => [
  section(line),
  actions(`grant_${grant.id}`, [
    ...(mine ? [extendButton(grant.id)] : []),
    endGrantButton(grant.id, mine ? 'Hand back' : 'Revoke', mine),
  ]),
];

const extendButton = (grantId: string) =>
  button({ action: `${ACTION.extendGrant}:${grantId}`, label: 'Extend', value: grantId });

const keysLine = ({ keys, engagements }: AccessList): string => {
  const names = engagements.slice(0, 10).map((engagement) => escapeText(engagement.name, 80));
  const member = names.length === 0 ? 'You are a member of no engagement' : `Member of: ${names.join(', ')}`;
  return `${keys.length === 0 ? 'No SSH key is registered' : `${count(keys.length, 'SSH key')} registered`} · ${member}`;
};

export async function listAnswer(edge: Edge, asker: Asker): Promise<Answer> {
  const list = await readList(edge, asker);
  return { text: 'Your access', blocks: listBlocks(list, edge.clock.now()) };
}

/** `/access revoke`: the list with its buttons; with the beginning of a grant's id, that grant ends. */
export async function revokeAnswer(edge: Edge, asker: Asker, prefix: string | null): Promise<Answer> {
  const list = await readList(edge, asker);
  const endable = [...list.grants, ...list.revocable];
  if (prefix === null) {
    if (endable.length === 0)
      return say('There is no live access that you could end. /access list shows what there is.');
    return {
      text: 'Which access shall end?',
      blocks: listBlocks({ ...list, pending: [], toReview: [] }, edge.clock.now()),
    };
  }
  const wanted = prefix.toLowerCase();
  const matching = wanted.length < PREFIX_MIN ? [] : endable.filter((grant) => grant.id.startsWith(wanted));
  const [only, ...others] = matching;
  if (!only) {
    return say(
      `No live access that you may end begins with “${prefix.slice(0, 60)}” (at least ${PREFIX_MIN} characters of a grant’s id). /access list shows them.`,
    );
  }
  if (others.length > 0)
    return say(`“${prefix}” fits ${matching.length} grants. Give more characters; /access list shows them.`);
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
  const { how } = ended.value.end ?? { how: 'revoked' };
  return say(
    `Done: the access was ${how === 'returned' ? 'handed back' : 'revoked'}. Live sessions are being cut; the engagement’s thread says when none is left.`,
  );
}

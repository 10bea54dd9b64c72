import type { Session } from '../../access/session.ts';
import type { EngagementView } from '../../use-cases/views/engagement-view.ts';
import type { Edge } from '../edge.ts';
import { accessLine } from '../words/access-line.ts';
import { actions, type Block, bullets, context, rich, section, textModal, type View } from '../words/blocks.ts';
import { endSessionButton, revokeButton } from '../words/buttons.ts';
import { type Line, line, mono, own, strong } from '../words/line.ts';
import { count } from '../words/units.ts';

const PEOPLE_MAX = 30;
const ENDABLE_MAX = 15;
const RECENT_MAX = 10;

const nameIn = (view: Pick<EngagementView, 'names'>, id: Session['personId']): Line =>
  strong(view.names.get(id) ?? 'somebody', 80);

const STANDINGS = { member: 'full member', guest: 'guest', external: 'from another workspace' } as const;

/** Who works in it, who looks after it, and what access people have, which whoever may can end here. */
export function peopleWindow(view: EngagementView, mayEnd: boolean): View {
  const { engagement, members, grants } = view;
  const lines = members.slice(0, PEOPLE_MAX).map((person) => {
    const state = !person.active
      ? 'deactivated in Slack'
      : engagement.leftIds.includes(person.id)
        ? 'left the channel'
        : STANDINGS[person.standing];
    return line`${nameIn(view, person.id)} · ${own(state)}`;
  });
  const others = engagement.reviewerIds.slice(0, PEOPLE_MAX).map((id) => nameIn(view, id));
  const blocks: Block[] = [
    section(line`*Members*`),
    rich(bullets(lines)),
    ...(members.length > PEOPLE_MAX ? [context(line`and ${members.length - PEOPLE_MAX} more`)] : []),
    section(line`*Reviewers*`),
    rich(bullets(others)),
    section(line`*Opened by* ${nameIn(view, engagement.sponsorId)}`),
    section(grants.length === 0 ? line`Nobody has access at the moment` : line`*Access now*`),
    ...grants
      .slice(0, ENDABLE_MAX)
      .flatMap((grant) => [
        section(
          line`${nameIn(view, grant.terms.personId)} on ${accessLine(grant.terms)}, until ${new Date(grant.terms.notAfter)}`,
        ),
        ...(mayEnd ? [actions(`end_${grant.id}`, [revokeButton(grant.id)])] : []),
      ]),
    ...(grants.length > ENDABLE_MAX ? [context(line`and ${grants.length - ENDABLE_MAX} more`)] : []),
  ];
  return textModal('People', blocks);
}

/** Who is connected, and who was lately. */
export async function sessionsWindow(edge: Edge, view: EngagementView, mayEnd: boolean): Promise<View> {
  const { engagement, live } = view;
  const recent = await edge.store.transaction((tx) =>
    tx.sessions.list({ engagementIds: [engagement.id], limit: RECENT_MAX + live.length }),
  );
  const ended = recent.filter((session) => session.ended !== null).slice(0, RECENT_MAX);
  return textModal('Sessions', [
    section(live.length === 0 ? line`Nobody is connected` : line`*${own(count(live.length, 'live session'))}*`),
    ...live
      .slice(0, ENDABLE_MAX)
      .flatMap((session) => [
        section(line`:large_green_circle: ${sessionLine(view, session)}, since ${session.startedAt}`),
        ...(mayEnd ? [actions(`session_${session.id}`, [endSessionButton(session.id, true)])] : []),
      ]),
    ...(ended.length === 0
      ? []
      : [
          section(line`*Ended*`),
          rich(
            bullets(
              ended.map((each) => line`${sessionLine(view, each)}, ${each.startedAt} to ${each.ended?.at ?? ''}`),
            ),
          ),
        ]),
    context(line`The engagement’s thread has a line for each group of sessions.`),
  ]);
}

const sessionLine = (view: EngagementView, { personId, login, targetId }: Session): Line =>
  line`${nameIn(view, personId)} on ${mono(`${login}@${targetId}`, 110)}`;

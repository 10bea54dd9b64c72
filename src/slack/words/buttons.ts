import { short } from '../../access/ids.ts';
import type { Session } from '../../access/session.ts';
import { ACTION } from './action-ids.ts';
import { button } from './blocks.ts';

type Kind = 'request' | 'grant' | 'session' | 'sessions';

/** Whole ids and digests are behind a button, for people who compare them. It works for guests too, who have no commands. */
export const detailsButton = (kind: Kind, id: string) =>
  button({ action: `${ACTION.showDetails}:${kind}:${id}`, label: 'Details', value: `${kind}:${id}` });

/** Opens the form filled in like this access. Only its holder gets it. */
export const extendButton = (grantId: string, style?: 'primary') =>
  button({ action: `${ACTION.extendGrant}:${grantId}`, label: 'Extend', value: grantId, ...(style && { style }) });

/** Hands one's own access back. */
export const doneButton = (grantId: string) =>
  button({
    action: `${ACTION.endGrant}:${grantId}`,
    label: 'I’m done',
    value: grantId,
    confirm: {
      title: 'Hand this access back?',
      text: 'Access ends now, and live sessions are disconnected within a second. This cannot be undone, but access can be requested again.',
      yes: 'Hand back',
    },
  });

export const commentButton = (requestId: string) =>
  button({ action: `${ACTION.commentRequest}:${requestId}`, label: 'Comment…', value: requestId });

/** What a requester can do with a request that waits. */
export const waitingButtons = (requestId: string) => [
  commentButton(requestId),
  button({ action: `${ACTION.editRequest}:${requestId}`, label: 'Edit', value: requestId }),
  button({ action: `${ACTION.withdraw}:${requestId}`, label: 'Withdraw', value: requestId }),
];

/** Opens a form that asks once more, and why. */
export const revokeButton = (grantId: string) =>
  button({ action: `${ACTION.revokeGrant}:${grantId}`, label: 'Revoke…', value: grantId, style: 'danger' });

export const endSessionButton = (id: Session['id'], only: boolean) =>
  button({
    action: `${ACTION.endSession}:${id}`,
    label: only ? 'Terminate session' : `Terminate ${short(id)}`,
    value: id,
    style: 'danger',
    confirm: {
      title: 'Terminate this session?',
      text: 'The person is disconnected immediately. They keep their access and can connect again until it ends.',
      yes: 'Terminate',
    },
  });

import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, header, LIMITS } from './blocks.ts';
import type { Asker, Edge } from './edge.ts';
import { listAnswer } from './list.ts';

/** The Home tab: what one has with the time left, what waits for one's review, and the buttons. */
export async function publishHome(edge: Edge, asker: Asker): Promise<void> {
  const { blocks } = await listAnswer(edge, asker);
  const top: Block[] = [
    header('Daypass'),
    actions('home', [
      button({ action: ACTION.openRequest, label: 'Request access', style: 'primary', value: '' }),
      button({ action: ACTION.showKey, label: 'Register a key' }),
      button({ action: ACTION.showList, label: 'Refresh' }),
      button({ action: ACTION.showHelp, label: 'Help' }),
    ]),
    context('Temporary SSH access, asked for and approved in Slack. Sessions are recorded.'),
  ];
  await edge.web.views.publish({
    user_id: asker.userId,
    view: { type: 'home', blocks: [...top, ...blocks].slice(0, LIMITS.messageBlocks * 2) },
  });
}

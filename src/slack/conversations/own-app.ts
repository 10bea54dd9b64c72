import { App, type AppOptions, type ReceiverEvent } from '@slack/bolt';
import { z } from 'zod';
import type { Log } from '../../log.ts';
import { section, textModal } from '../words/blocks.ts';
import { own } from '../words/line.ts';
import type { Workspace } from '../workspace/directory.ts';
import type { Fetch } from '../workspace/network.ts';
import { originOf } from '../workspace/origin.ts';
import type { RefusedRequests } from '../workspace/refused-requests.ts';
import { respondTo, say } from './answer.ts';

const ELSEWHERE =
  'Nothing was done: Daypass is installed in another workspace. Switch to that workspace in Slack, and try again there.';

const Interaction = z.object({
  type: z.string().optional(),
  command: z.string().optional(),
  response_url: z.url().optional(),
});

type Deps = {
  readonly own: Workspace;
  readonly fetch: Fetch;
  readonly log: Log;
  readonly refused: RefusedRequests;
};

/** Bolt's app for one workspace: what belongs to another one reaches no listener, on whichever way it comes. */
export class OwnApp extends App {
  readonly #deps: Deps;

  constructor(options: AppOptions, deps: Deps) {
    super(options);
    this.#deps = deps;
  }

  override async processEvent(event: ReceiverEvent): Promise<void> {
    const { own: workspace, refused, log } = this.#deps;
    const { isOurs, team } = originOf(event.body, workspace);
    if (isOurs) return super.processEvent(event);
    refused.note(team, 'another_workspace');
    await this.#tell(event).catch((error: unknown) =>
      log.warn({ err: error }, 'somebody in another workspace could not be told'),
    );
  }

  /** Acknowledges it: Slack would send an event again, and show people that the app is broken. */
  async #tell({ body, ack }: ReceiverEvent): Promise<void> {
    const { type, command, response_url } = Interaction.safeParse(body).data ?? {};
    if (command !== undefined) return ack({ response_type: 'ephemeral', text: ELSEWHERE });
    if (type === 'view_submission') {
      return ack({ response_action: 'update', view: textModal('Daypass', [section(own(ELSEWHERE))]) });
    }
    if (type === 'block_suggestion') return ack({ options: [] });
    await ack();
    if (type === 'block_actions' && response_url !== undefined)
      await respondTo(this.#deps, response_url, say(ELSEWHERE));
  }
}

import { App, type Logger, LogLevel, SocketModeReceiver, type types, webApi } from '@slack/bolt';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';
import { workspacePeople } from '../peers/workspace-people.ts';

export const ENGAGEMENT = 'C0ENGAGE00';
export const plain = (text: string) => ({ type: 'plain_text', text }) as const;
export const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } }) as const;
export const button = (action: string, text: string, value = 'x') =>
  ({ type: 'button', action_id: action, text: plain(text), value }) as const;
export const emptyView = (): types.ModalView => ({ type: 'modal', title: plain('x'), blocks: [] });

const nothing = (): void => undefined;
/** Refusals are what these tests are about; Bolt's lines on them would only be noise. */
const silent: Logger = {
  ...{ debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing, setName: nothing },
  getLevel: () => LogLevel.ERROR,
};

/** The workspace of the demo with an app of Bolt's in it, and the people who use both. */
export class WorkspaceApp implements AsyncDisposable {
  readonly workspace: Workspace;
  readonly app: App;
  readonly receiver: SocketModeReceiver;
  readonly web: webApi.WebClient;
  readonly people: ReturnType<typeof workspacePeople>;
  readonly #clock: { ahead: number };

  static async start(): Promise<WorkspaceApp> {
    const clock = { ahead: 0 };
    const workspace = await startWorkspace({ port: 0, now: () => Date.now() + clock.ahead });
    const started = new WorkspaceApp(workspace, clock);
    await started.app.start();
    return started;
  }

  private constructor(workspace: Workspace, clock: { ahead: number }) {
    this.workspace = workspace;
    this.#clock = clock;
    const clientOptions = { slackApiUrl: workspace.apiUrl, retryConfig: { retries: 0 }, logger: silent };
    const { appToken, botToken: token } = workspace;
    this.receiver = new SocketModeReceiver({ appToken, logger: silent, installerOptions: { clientOptions } });
    this.app = new App({ token, receiver: this.receiver, clientOptions, logger: silent });
    this.web = this.client(token);
    this.people = workspacePeople(workspace.url);
  }

  /** How a program with this token calls the workspace, without trying again. */
  client(token: string): webApi.WebClient {
    return new webApi.WebClient(token, {
      ...{ slackApiUrl: this.workspace.apiUrl, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true },
      ...{ logger: silent, timeout: 500 },
    });
  }

  /** The clock of the workspace goes on. */
  pass(ms: number): void {
    this.#clock.ahead += ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.stop();
    await this.workspace[Symbol.asyncDispose]();
  }
}

/** Slack's error code for a call. */
export async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (error instanceof webApi.WebAPIPlatformError) return error.data.error;
    throw error;
  }
}

/** A form with a field of each kind. */
export const askView = {
  type: 'modal',
  callback_id: 'ask',
  private_metadata: 'secret of the app',
  title: plain('Ask'),
  submit: plain('Send'),
  blocks: [
    { type: 'input', block_id: 'why', label: plain('Why'), element: { type: 'plain_text_input', action_id: 'text' } },
    {
      type: 'input',
      block_id: 'hosts',
      label: plain('Hosts'),
      element: { type: 'multi_external_select', action_id: 'pick', min_query_length: 0 },
    },
    {
      type: 'input',
      block_id: 'who',
      label: plain('Who decides'),
      element: { type: 'multi_users_select', action_id: 'who' },
    },
    {
      type: 'input',
      block_id: 'where',
      label: plain('Where'),
      element: {
        type: 'conversations_select',
        action_id: 'where',
        default_to_current_conversation: true,
        filter: { include: ['public', 'private'] },
      },
    },
  ],
} as const;

import { App, type Logger, LogLevel, SocketModeReceiver } from '@slack/bolt';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startWorkspace, type Workspace } from '../../src/demo/workspace/workspace.ts';

const ENGAGEMENT = 'C0ENGAGE00';
const nothing = (): void => undefined;
const silent: Logger = {
  ...{ debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing, setName: nothing },
  getLevel: () => LogLevel.ERROR,
};
const plain = (text: string) => ({ type: 'plain_text', text }) as const;
const mrkdwn = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } }) as const;

let browser: Browser;
let workspace: Workspace;
let app: App;
let page: Page;
let broken: string[];

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
});

afterAll(() => browser.close());

beforeEach(async () => {
  workspace = await startWorkspace({ port: 0 });
  const clientOptions = { slackApiUrl: workspace.apiUrl };
  const receiver = new SocketModeReceiver({
    ...{ appToken: workspace.appToken, logger: silent, installerOptions: { clientOptions } },
  });
  app = new App({ token: workspace.botToken, receiver, clientOptions, logger: silent });
  await app.start();
  page = await browser.newPage();
  broken = [];
  page.on('pageerror', (error) => broken.push(error.message));
  page.on('console', (line) => {
    // A refused form is a 422, which the browser logs.
    if (line.type() === 'error' && !line.text().includes('422')) broken.push(line.text());
  });
});

afterEach(async () => {
  await page.close();
  await app.stop();
  await workspace[Symbol.asyncDispose]();
});

it('lets one person ask and another decide, by mouse and keyboard', async () => {
  app.command('/access', async ({ ack, body, client }) => {
    await ack();
    await client.views.open({
      trigger_id: body.trigger_id,
      view: {
        type: 'modal',
        callback_id: 'ask',
        title: plain('Ask'),
        submit: plain('Send'),
        blocks: [
          {
            type: 'input',
            block_id: 'hosts',
            label: plain('Hosts'),
            element: {
              type: 'multi_static_select',
              action_id: 'hosts',
              options: ['web-01', 'db-01'].map((name) => ({ text: plain(name), value: name })),
            },
          },
          {
            type: 'input',
            block_id: 'why',
            label: plain('Why'),
            element: { type: 'plain_text_input', action_id: 'why' },
          },
        ],
      },
    });
  });
  app.view('ask', async ({ ack, view, client }) => {
    const hosts = view.state.values['hosts']?.['hosts']?.selected_options?.map((each) => each.value) ?? [];
    if (!hosts.includes('db-01')) {
      await ack({ response_action: 'errors', errors: { hosts: 'Not without db-01.' } });
      return;
    }
    await ack();
    await client.chat.postMessage({
      channel: ENGAGEMENT,
      text: 'request',
      blocks: [
        mrkdwn(`Somebody asks for *${hosts.join(' and ')}*`),
        { type: 'actions', elements: [{ type: 'button', action_id: 'ok', text: plain('Approve'), style: 'primary' }] },
      ],
    });
  });
  app.action('ok', async ({ ack, body, client }) => {
    await ack();
    if (body.type !== 'block_actions') return;
    await client.chat.update({ channel: ENGAGEMENT, ts: String(body.message?.['ts']), text: `By <@${body.user.id}>` });
    await client.chat.update({
      ...{ channel: ENGAGEMENT, ts: String(body.message?.['ts']), text: 'decided' },
      blocks: [mrkdwn(`Approved by <@${body.user.id}>`)],
    });
  });

  await page.goto(workspace.url);
  const box = page.getByRole('textbox', { name: /Message/ });
  await box.fill('/acc');
  await page.getByRole('option', { name: '/access request' }).waitFor();
  await box.press('Tab');
  await box.press('Enter');
  const form = page.getByRole('dialog', { name: 'Ask' });
  await form.getByRole('combobox', { name: 'Hosts' }).click();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await form.getByRole('textbox', { name: 'Why' }).fill('the migration');
  await form.getByRole('button', { name: 'Send' }).click();
  await form.getByRole('alert').filter({ hasText: 'Not without db-01.' }).waitFor();
  expect(await form.getByRole('textbox', { name: 'Why' }).inputValue()).toBe('the migration');
  await form.getByRole('combobox', { name: /Hosts/ }).click();
  await page.getByRole('option', { name: 'db-01' }).click();
  await form.getByRole('button', { name: 'Send' }).click();
  await form.waitFor({ state: 'hidden' });

  await page
    .getByRole('button', { name: /Morgan Reyes/ })
    .first()
    .click();
  await page.getByText('Somebody asks for').waitFor();
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.getByText('Approved by @Morgan Reyes').waitFor();
  expect(broken).toEqual([]);
});

it('shows hostile texts as text', async () => {
  const hostile = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>';
  await app.client.chat.postMessage({
    channel: ENGAGEMENT,
    text: hostile,
    blocks: [
      mrkdwn(hostile.replaceAll('<', '&lt;')),
      mrkdwn(`\`\`\`${hostile.replaceAll('<', '&lt;')}\`\`\` <javascript:alert(1)|click me>`),
      { type: 'header', text: plain(hostile) },
      { type: 'actions', elements: [{ type: 'button', action_id: 'a', text: plain('<b>x</b>') }] },
    ],
  });
  await page.goto(`${workspace.url}#manager`);
  await page.getByRole('button', { name: '<b>x</b>' }).waitFor();
  expect(await page.getByText(hostile).count()).toBeGreaterThanOrEqual(3);
  expect(await page.locator('img, .list script, a[href^=javascript]').count()).toBe(0);
  expect(await page.evaluate('window.owned')).toBeUndefined();
  expect(broken).toEqual([]);
});

it('fits a narrow screen, and tells the others of what they have not read', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${workspace.url}#security`);
  await page.getByText('Moving the order database').waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  await app.client.chat.postMessage({ channel: ENGAGEMENT, text: 'news' });
  await page.getByText('news').waitFor();
  await page.getByRole('button', { name: 'Channels and people' }).click();
  await page
    .getByRole('button', { name: /Casey Lind/ })
    .getByLabel('1 unread')
    .waitFor();
  expect(broken).toEqual([]);
});

import { App, type Logger, LogLevel, SocketModeReceiver } from '@slack/bolt';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';

const ENGAGEMENT = 'C0ENGAGE00';
const nothing = (): void => undefined;
const silent: Logger = {
  ...{ debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing, setName: nothing },
  getLevel: () => LogLevel.ERROR,
};
const plain = (text: string) => ({ type: 'plain_text', text }) as const;
const mrkdwn = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } }) as const;

/** The texts that a field is described by. */
const described = (field: Locator): Promise<string[]> =>
  field.evaluate((element) =>
    (element.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map((id: string) => element.ownerDocument.getElementById(id)?.textContent ?? '(nothing)'),
  );

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
            hint: plain('Reviewers read this.'),
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
  // The keyboard is in the first field, and each label leads to its own.
  const first = form.getByRole('combobox', { name: 'Hosts' });
  await first.waitFor();
  const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label')");
  expect(await focused()).toBe('Hosts');
  expect(await form.getByRole('listbox', { includeHidden: true }).getAttribute('aria-multiselectable')).toBe('true');
  await form.locator('label', { hasText: 'Why' }).click();
  expect(await focused()).toBe('Why');
  await form.getByRole('combobox', { name: 'Hosts' }).click();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await form.getByRole('textbox', { name: 'Why' }).fill('the migration');
  await form.getByRole('button', { name: 'Send' }).click();
  await form.getByRole('alert').filter({ hasText: 'Not without db-01.' }).waitFor();
  const hosts = form.getByRole('combobox', { name: 'Hosts', exact: true });
  expect(await hosts.getAttribute('aria-invalid')).toBe('true');
  expect(await described(hosts)).toEqual(['Not without db-01.']);
  expect(await described(form.getByRole('textbox', { name: 'Why' }))).toEqual(['Reviewers read this.']);
  expect(await form.getByRole('textbox', { name: 'Why' }).inputValue()).toBe('the migration');
  // What was wrong stands until the field is filled in otherwise, and comes back with the same mistake.
  const wrong = form.getByRole('alert').filter({ hasText: 'Not without db-01.' });
  await form.getByRole('button', { name: 'Remove web-01' }).click();
  await wrong.waitFor({ state: 'detached' });
  expect(await hosts.getAttribute('aria-invalid')).toBeNull();
  await form.getByRole('combobox', { name: /Hosts/ }).click();
  await page.getByRole('option', { name: 'web-01' }).click();
  await page.keyboard.press('Tab');
  await form.getByRole('button', { name: 'Send' }).click();
  await wrong.waitFor();
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

it('shows rich text as it is: its text is never markup, and several lines stay several', async () => {
  const said = '*Approved* :tada: <@U0MANAGER0>\n> by `me`';
  await app.client.chat.postMessage({
    channel: ENGAGEMENT,
    text: 'rich',
    blocks: [
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: [
              { type: 'emoji', name: 'white_check_mark' },
              { type: 'text', text: ' Access for ' },
              { type: 'text', text: '*Casey*', style: { bold: true } },
              { type: 'user', user_id: 'U0CONTRACT' },
              { type: 'date', timestamp: 1_900_000_000, format: '{date_short_pretty} at {time}', fallback: 'later' },
            ],
          },
          { type: 'rich_text_quote', elements: [{ type: 'text', text: said }] },
          { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'ssh web-01\nssh db-01' }] },
          {
            type: 'rich_text_list',
            style: 'bullet',
            elements: [
              { type: 'rich_text_section', elements: [{ type: 'text', text: 'db-01', style: { code: true } }] },
            ],
          },
        ],
      },
    ],
  });
  await page.goto(`${workspace.url}#manager`);
  const quote = page.locator('blockquote', { hasText: 'Approved' });
  await quote.waitFor();
  expect(await quote.innerText()).toBe(said);
  expect(await quote.locator('*').count()).toBe(0);
  expect(await page.locator('strong', { hasText: '*Casey*' }).innerText()).toBe('*Casey*');
  expect(await page.locator('pre', { hasText: 'ssh web-01' }).innerText()).toBe('ssh web-01\nssh db-01');
  expect(await page.locator('li code', { hasText: 'db-01' }).count()).toBe(1);
  expect(await page.locator('time[title=later]').count()).toBe(1);
  expect(broken).toEqual([]);
});

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3), as `selector: ratio`. */
const FAINT = `(() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((n) => n / 255)
    .map((n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4))
    .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length >= 3 && (colour[3] ?? 1) === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].flatMap((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || !element.checkVisibility({ opacityProperty: true })) return [];
    const [one, other] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return ratio >= 4.5 ? [] : [element.tagName + '.' + element.className + ': ' + ratio.toFixed(2)];
  });
})()`;

it('can be read: every text stands out from what is behind it, light and dark', async () => {
  await app.client.chat.postMessage({ channel: ENGAGEMENT, text: 'news of `web-01` for <@U0MANAGER0>' });
  await app.client.chat.postEphemeral({ channel: ENGAGEMENT, user: 'U0SECURITY', text: 'for you alone' });
  await page.goto(`${workspace.url}#security`);
  await page.getByText('for you alone').waitFor();
  await page.locator('.count').first().waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await page.evaluate(FAINT), colorScheme).toEqual([]);
  }
});

it('says that the product is being started, and goes on by itself', async () => {
  await using starting = await startWorkspace({ port: 0, starting: true });
  await page.goto(starting.url);
  await page.getByText('Daypass is starting').waitFor();
  starting.open();
  await page.getByText('Daypass is starting').waitFor({ state: 'hidden' });
  await page.getByText('Next: register a key').waitFor();
});

it('replays a recording to who holds its key, as the terminal showed it, and gives the keyboard back', async () => {
  const events = [
    [0.1, 'o', '$ \u001b[32mecho\u001b[0m hi\r\nhi\r\n'],
    [60, 'o', 'wrong\r\u001b[Kright\r\n'],
  ];
  const cast = [{ version: 2, width: 40, height: 5, env: { TERM: 'xterm' } }, ...events]
    .map((line) => JSON.stringify(line))
    .join('\n');
  workspace.open(async (id) => (id === 'ab12cd34' ? [{ name: 'channel-0.cast', cast }] : null));
  await app.client.chat.postMessage({ channel: 'C0SECURITY', text: 'Replay it: daypass recordings export ab12cd34' });
  await page.goto(`${workspace.url}#security/C0SECURITY`);
  const button = page.getByRole('button', { name: 'Replay it here' });
  await button.click();
  const screen = page.getByRole('dialog', { name: 'Recording ab12cd34' }).locator('.screen');
  await screen.getByText('right').waitFor();
  expect((await screen.innerText()).split('\n').map((line) => line.trimEnd())).toEqual(
    expect.arrayContaining(['$ echo hi', 'hi', 'right']),
  );
  expect(await screen.innerText()).not.toContain('wrong');
  await page.getByRole('button', { name: 'Play again' }).waitFor();
  await page.keyboard.press('Escape');
  await screen.waitFor({ state: 'hidden' });
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Replay it here');
  await page.goto(`${workspace.url}#manager`);
  expect(await page.evaluate("fetch('/personas/manager/recordings/ab12cd34').then(({ status }) => status)")).toBe(404);
  expect(broken.filter((line) => !line.includes('404'))).toEqual([]);
});

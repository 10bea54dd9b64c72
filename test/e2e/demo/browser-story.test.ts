import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoProcess, startDemo } from '../../support/worlds/demo-process.ts';

const run = promisify(execFile);
/** Set to a folder to keep pictures of each step. */
const PICTURES = process.env['DAYPASS_PICTURES'];

let demo: DemoProcess;
let browser: Browser;
let page: Page;
let home: string;
const problems: string[] = [];

beforeAll(async () => {
  demo = await startDemo();
  home = mkdtempSync(join(tmpdir(), 'daypass-hands-'));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-sync',
    ],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', acceptDownloads: true });
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // The form that was sent with a mistake is answered with 422, and the browser logs that.
    if (message.type() === 'error' && !message.text().includes('422')) problems.push(message.text());
  });
  // A machine that is busy: who clicks faster than it answers must not act on what somebody else sees.
  await page.route('**/state', async (route) => {
    await pause(200);
    await route.continue();
  });
  await page.goto(demo.url);
});

afterAll(async () => {
  await browser?.close();
  await demo?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function picture(name: string): Promise<void> {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  for (const [suffix, scheme, width] of [
    ['wide-light', 'light', 1280],
    ['wide-dark', 'dark', 1280],
    ['narrow-light', 'light', 390],
    ['narrow-dark', 'dark', 390],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(250);
    await page.screenshot({ path: join(PICTURES, `${name}-${suffix}.png`) });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
}

const press = (name: string | RegExp, within: Pick<Page, 'getByRole'> = page) =>
  within.getByRole('button', { name, exact: true }).last().click();
const be = (name: string) =>
  page
    .getByRole('button', { name: new RegExp(`^${name}|${name}`) })
    .first()
    .click();
/** Of Daypass to whoever one is. */
const openMessages = () =>
  page
    .getByRole('button', { name: /^Daypass/ })
    .or(page.getByRole('link', { name: /Daypass/ }))
    .first()
    .click();
const dialog = () => page.getByRole('dialog');

async function choose(label: string, option: string): Promise<void> {
  await dialog().getByRole('combobox', { name: label }).click();
  await page.getByRole('option', { name: option }).first().click();
  // Away from the menu: Escape would close the window once the menu is closed.
  await page.keyboard.press('Tab');
}

const ssh = (...args: string[]) => run('ssh', ['-F', join(home, '.ssh', 'config'), '-o', 'BatchMode=yes', ...args]);

describe('by hands in a browser, three people', () => {
  it('see the engagement; the contractor registers a key with the line that the page shows', async () => {
    await page.getByText('Acme migration').first().waitFor();
    await picture('1-engagement');
    await press('Register a key');
    const line = await page
      .getByText(/^ssh register-/)
      .first()
      .innerText();
    const [, target = '', port = ''] = /ssh (register-\S+@\S+) -p (\d+)/.exec(line) ?? [];
    await picture('2-key');
    const key = join(home, '.ssh', 'id_ed25519');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const known = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'];
    const { stdout } = await run('ssh', ['-F', 'none', ...known, '-i', key, '-p', port, target]);
    expect(stdout).toContain('Your key is registered');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('the contractor asks; a mistake is shown at its field', async () => {
    await press('Request access');
    await dialog().getByRole('combobox', { name: 'Targets' }).waitFor();
    await choose('Targets', 'web-01');
    await choose('Scope', 'shell');
    await choose('Duration, starting at approval', '15 minutes');
    await press('Send request', dialog());
    await dialog().getByText('Please complete this required field.').waitFor();
    await picture('3-mistake');
    await dialog().getByRole('textbox', { name: 'Why' }).fill('Move the order database to the new disk');
    await dialog().getByRole('textbox', { name: 'Ticket' }).fill('OPS-1042');
    await picture('4-form');
    await press('Send request', dialog());
    await dialog().waitFor({ state: 'hidden' });
  });

  it('the manager approves with one click, and every copy of the card says so', async () => {
    await be('Morgan Reyes');
    await openMessages();
    await page.getByRole('button', { name: 'Approve', exact: true }).waitFor();
    expect(await page.locator('.steps .done').allInnerTexts()).toEqual(['Register a key', 'Request access']);
    await picture('5-card');
    await press('Approve');
    await page
      .getByText(/Approved/)
      .first()
      .waitFor();
    expect(await page.getByRole('button', { name: 'Approve', exact: true }).count()).toBe(0);
    await picture('6-approved');
  });

  it('the contractor is told what to type, asks for files, pastes their lines and is in', async () => {
    await be('Casey Lind');
    await openMessages();
    await page.getByText('You have access').first().waitFor();
    await page.getByText('ssh web-01.demo.daypass').first().waitFor();
    await picture('7-granted');
    await press('Other ways in');
    const links = page.locator('a[download]');
    await links.first().waitFor();
    await picture('7-files');
    mkdirSync(join(home, 'Downloads'));
    for (let index = 0; index < (await links.count()); index += 1) {
      const [download] = await Promise.all([page.waitForEvent('download'), links.nth(index).click()]);
      await download.saveAs(join(home, 'Downloads', download.suggestedFilename()));
    }
    const lines = await page.locator('pre', { hasText: 'mkdir -p' }).first().innerText();
    const here = lines.replaceAll('~/', `${home}/`).replaceAll('Include daypass/', `Include ${home}/.ssh/daypass/`);
    await run('sh', ['-e', '-c', here]);
    await run('sh', ['-e', '-c', `sed -i "s#~/#${home}/#g" ${home}/.ssh/daypass/*.conf`]);
    const { stdout } = await ssh('-tt', 'web-01.demo.daypass', 'printf "\\033[32mhello from $(id -un)\\033[0m\\n"');
    expect(stdout).toContain('hello from ');
  });

  it('the contractor asks for more time in a form that is filled in', async () => {
    await page.getByRole('tab', { name: 'Home' }).click();
    await page.getByRole('button', { name: 'Extend', exact: true }).waitFor();
    await picture('8-home');
    await press('Extend');
    await dialog().getByText('Running sessions continue').waitFor();
    expect(await dialog().getByRole('textbox', { name: 'Why' }).inputValue()).toMatch(/^Move the order database/);
    await picture('9-extend');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('everybody reads the summary in the thread, and the manager ends the access', async () => {
    await be('Morgan Reyes');
    await page
      .getByRole('button', { name: /acme-migration/ })
      .or(page.getByRole('link', { name: /acme-migration/ }))
      .first()
      .click();
    await page
      .getByRole('button', { name: /repl(y|ies)/ })
      .first()
      .click();
    await page
      .getByText(/Session ended/)
      .first()
      .waitFor();
    await picture('10-thread');
    await press('Details');
    await dialog().getByText('Heads of the recording’s hash chain').waitFor();
    await picture('10-details');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    // The keyboard is back where it was.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Details');
    await press('Revoke…');
    await dialog().getByRole('textbox', { name: 'Why' }).fill('The maintenance window is over');
    await picture('11-revoke');
    await press('Revoke', dialog());
    await dialog().getByText('Done: access was revoked').waitFor();
    await picture('11-revoked');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    await page
      .getByText(/0 live sessions/)
      .first()
      .waitFor();
    await picture('11-ended');
    await expect(ssh('web-01.demo.daypass', 'true')).rejects.toMatchObject({
      stderr: expect.stringContaining('Your access was ended at'),
    });
  });

  it('the contractor is told who ended it, and the card no longer says that there is access', async () => {
    await be('Casey Lind');
    await openMessages();
    await page.getByText(/Your access was ended: revoked by Morgan Reyes/).waitFor();
    await page.getByText('The maintenance window is over').waitFor();
    await page
      .getByText(/Your session on|sessions? of yours on/)
      .first()
      .waitFor();
    await page.getByText(/Access ended: revoked by Morgan Reyes/).waitFor();
    expect(await page.getByText('You have access').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Request again', exact: true }).count()).toBe(2);
    await picture('11-told');
  });

  it('a manager’s Home tab has who waits, who is connected, and where to look', async () => {
    await be('Morgan Reyes');
    await openMessages();
    await page.getByRole('tab', { name: 'Home' }).click();
    await page.getByText('Engagements you look after').waitFor();
    await picture('12-home-manager');
  });

  it('security reads what was run, in words, and replays the recording', async () => {
    await be('Sam');
    await page.getByRole('button', { name: /security-reviews/ }).click();
    await page.getByText('Ran').first().waitFor();
    await picture('13-security');
    await page.getByRole('button', { name: 'Replay it here' }).first().click();
    await page.locator('.screen').getByText('hello from').waitFor();
    await page.getByRole('button', { name: 'Play again' }).waitFor();
    await picture('14-replay');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('and the page has not complained once', () => {
    expect(problems).toEqual([]);
  });
});

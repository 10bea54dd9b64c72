import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { approvalPolicy } from '../../../../src/gateway/downstream/approval-channel.ts';
import { CONFIRM_MS } from '../../../../src/gateway/limits.ts';
import { ChannelTable } from '../../../../src/gateway/ssh/channel-table.ts';
import { APPROVAL_WORDS } from '../../../../src/gateway/words/approval-words.ts';
import { string } from '../../../../src/sshwire/bytes.ts';
import { saying } from '../../../support/peers/channel-words.ts';
import { MemoryTransport } from '../../../support/peers/memory-transport.ts';
import { NOON } from '../../../support/samples/samples.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOON }));
afterEach(() => void vi.useRealTimers());

/** The client of an approval over a connection in memory. */
class ApprovalWorld {
  readonly client = new MemoryTransport();
  confirmed = 0;
  readonly policy = approvalPolicy({
    ...{ transport: this.client.transport, lines: ['What it is'], killed: () => {} },
    confirm: async () => {
      this.confirmed += 1;
      return { stdout: 'Done.\n', stderr: '', exit: 0 };
    },
  });

  constructor() {
    const table = new ChannelTable(this.client.transport, this.policy, { sessions: 10, tunnels: 0 });
    this.client.hearer = (payload) => table.take(payload);
    this.client.say(saying.open(7));
  }

  /** What came of it: the text, with the exit where there was one. */
  async says(...payloads: readonly Uint8Array[]): Promise<string> {
    this.client.say(...payloads);
    await vi.advanceTimersByTimeAsync(0);
    const heard = this.client.heard();
    const text = heard.map((line) => /^DATA 7 (.*)$/s.exec(line)?.[1] ?? '').join('');
    return heard.includes('CLOSE 7') ? `${text} (over)` : text;
  }
}

const shell = saying.ask(0, 'shell');
const exec = (words: string) => saying.ask(0, 'exec', string(words));
const typed = (text: string) => saying.data(0, text);
const { question, unsure, onlyYes } = APPROVAL_WORDS;
const NO = `daypass: ${unsure}\n (over)`;

describe('an approval on a channel', () => {
  it('shows what it is, asks, and takes yes', async () => {
    const world = new ApprovalWorld();
    expect(await world.says(shell)).toBe(`What it is\n${question}`);
    expect(await world.says(typed('ye'), typed('s'))).toBe('');
    expect(world.confirmed).toBe(0);
    expect(await world.says(typed('\n'))).toBe('Done.\n (over)');
    expect(world.confirmed).toBe(1);
  });

  it.each([
    ['no', 'no\n'],
    ['yes and more', 'yes or no\n'],
    ['in capitals', 'YES\n'],
    ['nothing', '\n'],
    ['Ctrl-C behind a yes', 'yes\u0003'],
    ['Ctrl-D behind a yes', 'yes\u0004'],
    ['more than anybody types', `${'x'.repeat(10_000)}\n`],
    ['what is hidden far behind a yes', `yes${' '.repeat(100)}no\n`],
    ['what is not a letter', 'yes\u001b\n'],
    ['what is in another script', 'yes\u00e9\n'],
  ])('takes nothing else: %s', async (_, text) => {
    const world = new ApprovalWorld();
    await world.says(shell);
    expect(await world.says(typed(text))).toBe(NO);
    expect(world.confirmed).toBe(0);
  });

  it('takes no for what ends without a line, and yes for one that ends without its newline', async () => {
    const world = new ApprovalWorld();
    await world.says(shell);
    expect(await world.says(saying.eof(0))).toBe(NO);
    const other = new ApprovalWorld();
    await other.says(shell);
    expect(await other.says(typed('yes'), saying.eof(0))).toBe('Done.\n (over)');
    expect([world.confirmed, other.confirmed]).toEqual([0, 1]);
  });

  it('is read before it is asked for: what came earlier is no answer', async () => {
    const world = new ApprovalWorld();
    await world.says(typed('yes\n'));
    expect(await world.says(shell)).toBe(`What it is\n${question}`);
    expect(world.confirmed).toBe(0);
  });

  it('is answered once', async () => {
    const world = new ApprovalWorld();
    await world.says(shell);
    await world.says(typed('yes\nyes\n'), saying.eof(0), exec('yes'));
    expect(world.confirmed).toBe(1);
  });

  it('shows on a terminal what is typed, and takes it back', async () => {
    const world = new ApprovalWorld();
    await world.says(saying.ask(0, 'pty-req'));
    expect(await world.says(shell)).toBe(`What it is\r\n${question}`);
    expect(await world.says(typed('\u007fyex\bs'))).toBe('yex\b \bs');
    expect(await world.says(typed('\r'))).toBe('\r\nDone.\r\n (over)');
  });

  it.each([
    ['yes', 'What it is\nDone.\n (over)', 1],
    ['no', `What it is\ndaypass: ${onlyYes}\n (over)`, 0],
    ['yes; rm', `What it is\ndaypass: ${onlyYes}\n (over)`, 0],
  ])('takes a command: %s', async (words, text, confirmed) => {
    const world = new ApprovalWorld();
    expect(await world.says(exec(words))).toBe(text);
    expect(await world.says(typed('yes\n'), saying.eof(0))).toBe('');
    expect(world.confirmed).toBe(confirmed);
  });

  it('is nothing that transfers files or tunnels', async () => {
    const world = new ApprovalWorld();
    world.client.heard();
    world.client.say(saying.ask(0, 'subsystem', string('sftp')), saying.open(8, { type: 'direct-tcpip' }));
    expect(world.client.heard()).toEqual(['FAILURE 7', expect.stringMatching(/^REFUSE 8/)]);
    expect(world.confirmed).toBe(0);
  });

  it('waits for room in the client’s window', async () => {
    const world = new ApprovalWorld();
    world.client.takes(0);
    expect(await world.says(exec('yes'))).toBe('');
    world.client.takes(1_000);
    expect(await world.says(saying.adjust(0, 1))).toBe('What it is\nDone.\n (over)');
  });

  it('ends by itself where nobody answers, unless it was over before', async () => {
    const world = new ApprovalWorld();
    await vi.advanceTimersByTimeAsync(CONFIRM_MS - 1);
    expect(world.client.ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.client.ends).toEqual([`left: daypass: ${unsure}`, 'destroyed']);
    const other = new ApprovalWorld();
    other.policy.over();
    await vi.advanceTimersByTimeAsync(CONFIRM_MS);
    expect(other.client.ends).toEqual([]);
  });
});

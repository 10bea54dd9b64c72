import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../../src/access/scopes/scope.ts';
import { ChannelSummary, type RecordingState, type Session, type SessionEnd } from '../../../../src/access/session.ts';
import { sessionReceipt } from '../../../../src/slack/messages/receipt.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { digest, engagement, grant, later, personId, scope } from '../../../support/samples/samples.ts';
import { session, sessionEnd } from '../../../support/worlds/world.ts';

const names = new Map([[personId(2), 'Morgan Reyes']]);
const channel = (change: Partial<ChannelSummary>): ChannelSummary => ({
  ...ChannelSummary.parse({
    ...{ id: 0, kind: 'shell', command: null, pty: false, bytesFromClient: 1_024, bytesToClient: 2_048, exit: null },
    ...{ stdoutSha256: digest(1), stderrSha256: digest(2), stdinSha256: digest(3) },
  }),
  ...change,
});
const shell = channel({ label: 'terminal', coverage: 'full', pty: true });
const command = channel({ kind: 'exec', command: 'mysql --password=hunter2', label: 'command', coverage: 'full' });
const files = { read: 2, written: 1, changed: 0, refused: 0, hashed: 3 };
const sftp = channel({ kind: 'subsystem', command: 'sftp', label: 'sftp', files });
const tunnel = channel({
  kind: 'tunnel',
  label: 'tunnel',
  coverage: 'opaque',
  destination: { host: 'db', port: 5432 },
});

type Change = Partial<SessionEnd> & { readonly state?: RecordingState | null; readonly isReached?: boolean };
const ended = (n: number, { state = 'closed', isReached = true, ...end }: Change = {}): Session =>
  session(n, {
    startedAt: later(n * 60),
    ended: sessionEnd({ at: later(n * 60 + 720), channels: [shell], ...end }),
    recording: { headAtStart: isReached ? digest(1) : null, headAtEnd: null, state },
  });
const live = (n: number): Session => session(n, { startedAt: later(n * 60) });

const receipt = (sessions: readonly Session[], retention: string | null = null, allowed = scope('shell')) =>
  sessionReceipt({ sessions, engagement: engagement(), grant: grant(1, { scope: allowed }), names }, retention);
const shown = (...of: Parameters<typeof receipt>): string => {
  const message = receipt(...of);
  return message === null ? '' : checkMessage(message).join('\n');
};

describe('a receipt', () => {
  it('says of a session where it was, how long, what was in it, and how much passed', () => {
    const said = shown([ended(1, { channels: [shell, sftp], refusals: ['x was refused'] })]);
    expect(said).toMatch(/Your session on deploy@web-01 lasted 12 minutes, from .*12:01 UTC/);
    expect(said).toContain('1 refusal');
    expect(said).toContain('sftp, moved 3 files, all hashed');
    expect(said).toContain('2.0 KiB sent, 4.0 KiB received');
    expect(said).toContain('Ask in the engagement’s thread to see yours');
    expect(receipt([ended(1)])?.text).toBe(
      'Your session on deploy@web-01 lasted 12 minutes, from 2030-05-02 12:01 UTC',
    );
  });

  it('has no commands, destinations or addresses', () => {
    const said = JSON.stringify(receipt([ended(1, { channels: [command, tunnel] }), ended(2)]));
    expect(said).not.toMatch(/hunter2|5432|127\.0\.0\.1/);
  });

  it.each<[string, readonly Session[], RegExp]>([
    ['several', [ended(1), ended(2)], /2 sessions of yours on deploy@web-01 ended, since .*12:01 UTC/],
    [
      'one of which lives',
      [ended(1), live(2)],
      /1 session of yours on deploy@web-01 ended, another is still open, since/,
    ],
    ['two of which live', [ended(1), live(2), live(3)], /1 session of yours on .* ended, 2 are still open, since/],
    [
      'that somebody ended',
      [ended(1, { ending: { how: 'terminated', why: 'ended_by_reviewer', by: { kind: 'person', id: personId(2) } } })],
      /Session ended by Morgan Reyes/,
    ],
    ['that ran out', [ended(1, { ending: { how: 'terminated', why: 'expired' } })], /terminated \(access expired\)/],
  ])('says it of sessions, %s', (_, sessions, said) => {
    expect(shown(sessions)).toMatch(said);
  });

  it('is none where no session has ended that reached its target', () => {
    const refused = ended(1, { ending: { how: 'failed', why: 'target_unreachable' }, isReached: false, state: null });
    expect(receipt([])).toBeNull();
    expect(receipt([live(1)])).toBeNull();
    expect(receipt([refused])).toBeNull();
    expect(receipt([refused, ended(2)])?.text).toMatch(/^Your session|^1 session/);
    expect(receipt([ended(1, { ending: { how: 'failed', why: 'recording_failed' } })])).not.toBeNull();
  });

  const typed: Scope = { ...scope('shell'), record_input: true };
  it.each<[string, readonly ChannelSummary[], Scope, string]>([
    ['a terminal', [shell], scope('shell'), 'what your terminal showed'],
    ['a terminal, typing and all', [shell], typed, 'what your terminal showed and what you typed'],
    ['a command', [command], typed, 'input and output of commands'],
    ['a command on a terminal', [{ ...command, pty: true }], scope('shell'), 'what your terminal showed'],
    ['files', [sftp], typed, 'which files you moved, without their content'],
    [
      'scp, and then something else',
      [{ ...sftp, kind: 'exec', label: 'scp then command' }],
      scope('shell'),
      'input and output of commands and which files you moved, without their content',
    ],
    ['a tunnel', [tunnel], scope('shell'), 'where tunnels went, without their content'],
    ['nothing', [], scope('shell'), 'that you were connected'],
    [
      'everything',
      [shell, command, sftp, tunnel],
      scope('shell'),
      'what your terminal showed, input and output of commands, which files you moved, without their content and where tunnels went, without their content',
    ],
  ])('says what is recorded of %s', (_, channels, allowed, what) => {
    expect(shown([ended(1, { channels })], null, allowed)).toContain(`Recorded: ${what}. Kept until`);
  });

  it.each<[string, readonly Session[], string | null, RegExp]>([
    ['an operator erases it', [ended(1)], null, /Kept until an operator erases it\./],
    ['the last one is old', [ended(1), ended(2)], 'P90D', /Kept until .*2030-07-31 12:14 UTC.*\./],
    ['only some are there', [ended(1), ended(2, { state: 'erased' })], 'P90D', /Kept until .*2030-07-31 12:13 UTC/],
    ['none is there', [ended(1, { state: 'erased' }), ended(2, { state: null })], 'P90D', /No recording is kept\./],
    ['one was not sealed', [ended(1, { state: 'failed' })], null, /recording not sealed/],
  ])('says until when: %s', (_, sessions, retention, said) => {
    expect(shown(sessions, retention)).toMatch(said);
  });

  it('is as long as one of a few, of however many sessions', () => {
    const many = Array.from({ length: 300 }, (_, n) => ended(n + 1));
    expect(shown(many)).toMatch(/300 sessions of yours/);
  });
});

import { expect, it } from 'vitest';
import type { Digest } from '../../../../src/access/ids.ts';
import type { ChannelSummary } from '../../../../src/access/session.ts';
import { COMMAND_MAX, MESSAGE_MAX, REPORT_CHANNELS_MAX } from '../../../../src/gateway/limits.ts';
import { FromWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { closedMessage } from '../../../../src/gateway/worker/closed-message.ts';
import { sessionId } from '../../../support/worlds/world.ts';

const digest = 'a'.repeat(64) as Digest;
const MOST = Number.MAX_SAFE_INTEGER;

const channel = (id: number, command: string | null): ChannelSummary => ({
  ...{ id, kind: 'exec', command, pty: false, bytesFromClient: MOST, bytesToClient: MOST },
  ...{ stdoutSha256: digest, stderrSha256: digest, stdinSha256: digest, coverage: 'metadata', label: 'x'.repeat(32) },
  files: { read: MOST, written: MOST, changed: MOST, refused: MOST, hashed: MOST },
  destination: command === null ? { host: 'h'.repeat(255), port: 65_535 } : null,
  ...{ startedAt: Date.now(), endedAt: Date.now(), exit: { kind: 'signal', name: 's'.repeat(32) } },
});

const report = (commands: readonly (string | null)[]) => ({
  ending: { how: 'closed' } as const,
  channels: commands.map((command, id) => channel(id, command)),
  refusals: Array.from({ length: 20 }, () => '\u0001'.repeat(300)),
  recording: { head: digest, chunks: MOST, bytes: MOST },
});

it.each([
  ['the longest commands', '\u0001'.repeat(COMMAND_MAX)],
  ['commands that just fit', 'x'.repeat(128)],
  ['the longest destinations', null],
])('a report of as many channels as there can be fits into one message, with %s', (_name, command) => {
  const commands = Array.from({ length: REPORT_CHANNELS_MAX }, () => command);
  const message = closedMessage(sessionId(1), report(commands));
  expect(JSON.stringify(message).length).toBeLessThan(MESSAGE_MAX);
  expect(FromWorker.safeParse(message).success).toBe(true);
});

it('a long command is cut, and takes nothing from those before and after it', () => {
  const long = `echo ${'x'.repeat(400_000)}`;
  const odd = '\u0001'.repeat(60_000);
  const told = closedMessage(sessionId(1), report([long, 'sudo -i', odd, "sh -c 'rm -rf /srv'"])).channels;
  expect([told[1]?.command, told[3]?.command]).toEqual(['sudo -i', "sh -c 'rm -rf /srv'"]);
  expect(told[0]?.command).toMatch(/^echo x+…$/);
  expect(told[0]?.command?.length).toBeGreaterThan(60_000);
  expect(told[2]?.command?.length).toBeGreaterThan(10_000);
  expect(told[2]?.command).toMatch(/…$/);
});

it('commands are told whole as long as they fit', () => {
  const told = closedMessage(sessionId(1), report(['uptime', null, 'x'.repeat(32_000)])).channels;
  expect(told.map(({ command }) => command?.length ?? null)).toEqual([6, null, 32_000]);
});

import { describe, expect, it } from 'vitest';
import { ChannelSummary } from '../../../../src/access/session.ts';
import { coverageLine, deedOf } from '../../../../src/slack/messages/coverage.ts';
import { toPlain } from '../../../../src/slack/words/line.ts';
import { digest, NOON } from '../../../support/samples/samples.ts';

const channel = (change: Partial<ChannelSummary>): ChannelSummary => ({
  ...ChannelSummary.parse({
    ...{ id: 0, kind: 'shell', command: null, pty: false, bytesFromClient: 0, bytesToClient: 0, exit: null },
    ...{ stdoutSha256: digest(1), stderrSha256: digest(2), stdinSha256: digest(3) },
  }),
  ...change,
});
const lasting = (minutes: number) => ({ startedAt: NOON.getTime(), endedAt: NOON.getTime() + minutes * 60_000 });
const files = (change: object) => ({ read: 0, written: 0, changed: 0, refused: 0, hashed: 0, ...change });

const shell = channel({ label: 'terminal', coverage: 'full', pty: true, ...lasting(41) });
const sftp = channel({
  ...{ kind: 'subsystem', command: 'sftp', label: 'sftp', coverage: 'metadata' },
  files: files({ read: 2, written: 1, hashed: 3 }),
});
const tunnel = channel({
  ...{ kind: 'tunnel', label: 'tunnel', coverage: 'opaque', bytesToClient: 12 * 1024 * 1024 },
  destination: { host: 'db.internal', port: 5432 },
});

describe('the coverage of a session', () => {
  it('is said in one line, channels of a kind together', () => {
    expect(coverageLine([shell, sftp, tunnel])).toBe(
      '41 minutes of shell, recorded · sftp, moved 3 files, all hashed · tunnel, 12.0 MiB, content not recorded',
    );
    expect(coverageLine([shell, shell, tunnel, tunnel, sftp, sftp])).toBe(
      '1 hour, 22 minutes of 2 shells, recorded · 2 tunnels, 24.0 MiB, content not recorded · 2 sftp, moved 6 files, all hashed',
    );
    expect(coverageLine([])).toBe('nothing was run or copied');
  });

  it('tells commands that are whole from those that are in part digests', () => {
    const command = channel({ kind: 'exec', command: 'make', label: 'command', coverage: 'full' });
    const binary = { ...command, coverage: 'metadata' } as const;
    expect(coverageLine([command, binary, binary])).toBe(
      'ran a command, recorded · ran 2 commands, partly recorded, the rest as digests',
    );
    const short = { startedAt: NOON.getTime(), endedAt: NOON.getTime() + 400 };
    expect(coverageLine([{ ...command, ...short }])).toBe('ran a command for less than a second, recorded');
    const mixed = channel({ ...command, label: 'scp then command', coverage: 'metadata', files: files({ read: 1 }) });
    expect(coverageLine([mixed])).toBe('scp then command, partly recorded, the rest as digests');
    expect(toPlain(deedOf(mixed).said)).toContain('partly recorded, the rest as digests');
  });

  it('says what was changed, what was refused, and what could not be hashed', () => {
    expect(coverageLine([{ ...sftp, files: files({ read: 5, hashed: 4, changed: 2, refused: 1 }) }])).toBe(
      'sftp, moved 5 files, 4 of them hashed, 2 changed, 1 refused',
    );
    expect(coverageLine([{ ...sftp, files: files({ changed: 1 }) }])).toBe('sftp, no files moved, 1 changed');
  });

  it('of a session of before it was known is only what there was', () => {
    expect(
      coverageLine([channel({}), channel({ kind: 'exec', command: 'x' }), channel({ kind: 'exec', command: 'y' })]),
    ).toBe('1 shell · 2 commands');
  });

  it('names neither commands nor destinations, and is short however many channels there are', () => {
    const many = Array.from({ length: 400 }, (_, n) =>
      channel({
        kind: 'exec',
        command: 'secret',
        label: `${n} ${'x'.repeat(28)}`,
        destination: { host: 'db', port: 1 },
      }),
    );
    const line = coverageLine(many);
    expect(line.length).toBeLessThan(500);
    expect(line).toMatch(/ and more$/);
    expect(line).not.toMatch(/secret|db/);
  });
});

describe('what security reads of a channel', () => {
  const said = (of: ChannelSummary): string => toPlain(deedOf(of).said);
  const command = channel({ kind: 'exec', command: 'uptime', label: 'command', coverage: 'full' });

  it('is what happened, in words', () => {
    expect(said(shell)).toBe('Interactive shell for 41 minutes, recorded in full');
    expect(said({ ...shell, exit: { kind: 'status', code: 2 } })).toBe(
      'Interactive shell for 41 minutes, exit 2, recorded in full',
    );
    expect(said({ ...command, exit: { kind: 'status', code: 0 } })).toBe('Ran uptime, exit 0, recorded in full');
    expect(said(sftp)).toBe('Used sftp, read 2 files, wrote 1 file, all hashed, listed in the recording');
    expect(said({ ...sftp, files: files({ written: 1, hashed: 1 }) })).toBe(
      'Used sftp, wrote 1 file, hashed, listed in the recording',
    );
    expect(said({ ...sftp, files: files({}) })).toBe('Used sftp, no files moved, listed in the recording');
    expect(said(tunnel)).toBe('Tunnel to db.internal:5432, 12.0 MiB, counted, contents not recorded');
  });

  it('has a long command, or one of several lines, apart and as it was typed', () => {
    const script = 'set -e\nmake *all*\n\tmake install';
    expect(deedOf({ ...command, command: script })).toMatchObject({ command: script });
    expect(said({ ...command, command: script })).toBe('Ran this, recorded in full:');
    expect(deedOf({ ...command, command: 'x'.repeat(101) }).command).toBe('x'.repeat(101));
    expect(deedOf(command).command).toBeNull();
  });
});

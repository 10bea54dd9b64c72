import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INIT, packet, text, uint32, VERSION } from '../../../support/peers/sftp-talk.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { all, cutInto, exec, recorded, type Said, SHELL } from '../../../support/samples/piped.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const NUL = '\0';
const FILE = randomBytes(70_000);
const upload: readonly Said[] = [
  ['target', NUL],
  ['client', 'C0644 70000 a file\n'],
  ['target', NUL],
  ['client', FILE.subarray(0, 30_000)],
  ['client', Buffer.concat([FILE.subarray(30_000), Buffer.from(NUL)])],
  ['target', NUL],
];
const download: readonly Said[] = upload.map(([from, bytes]) => [from === 'client' ? 'target' : 'client', bytes]);

describe('a channel without a terminal', () => {
  it.each([
    'bash -i',
    'scp -f /tmp/x',
    'exec -a scp sh -t',
    '/tmp/scp -t .',
    'sudo scp -f x',
    'rsync --server -logDtpre.iLsfxC . /srv',
    "git-upload-pack '/srv/x.git'",
    '/usr/lib/openssh/sftp-server',
    'internal-sftp',
  ])('whose command is %s is kept whole where it is a shell', (command) => {
    const { end, files, client, target } = recorded(SHELL, exec(command));
    expect({ client, target }).toEqual({ client: all(SHELL, 'client'), target: all(SHELL, 'target') });
    expect({ end, files }).toEqual({ end: { coverage: 'full', label: 'command', files: null }, files: [] });
  });

  it.each([
    ['a zero byte of the target', [['target', NUL]]],
    ['a zero byte of the client', [['client', NUL]]],
    ['the beginning of SFTP', [['client', INIT.subarray(0, 6)]]],
    [
      'a zero byte of each',
      [
        ['client', NUL],
        ['target', NUL],
      ],
    ],
    [
      'a zero byte, and more of the same side',
      [
        ['target', NUL],
        ['target', 'C0644 5 x\n'],
      ],
    ],
    [
      'a line before the zero byte',
      [
        ['client', 'C0644 5 x\n'],
        ['target', NUL],
      ],
    ],
    [
      'SFTP after a word of the target',
      [
        ['target', 'hello\n'],
        ['client', INIT],
        ['target', VERSION],
      ],
    ],
    [
      'SFTP of the wrong side',
      [
        ['target', INIT],
        ['client', VERSION],
      ],
    ],
  ] as readonly (readonly [string, readonly Said[]])[])('that begins with %s is no transfer', (_name, begins) => {
    for (const said of [begins, [...begins, ...SHELL]]) {
      const { end, client, target } = recorded(said, exec('x'));
      expect({ client, target }).toEqual({ client: all(said, 'client'), target: all(said, 'target') });
      expect(end).toMatchObject({ coverage: 'full', label: 'command' });
    }
  });
});

describe('scp, followed by what it says', () => {
  it.each([
    ['into the target', upload, 'client', 'scp -t /srv/a', { written: 1, hashed: 1 }],
    ['out of the target', download, 'target', 'scp -f /srv/a', { read: 1, hashed: 1 }],
    ['whatever the command is called', upload, 'client', 'receive', { written: 1, hashed: 1 }],
  ] as const)(
    'leaves out the content of files %s, by digest, and keeps all that it says',
    (_name, said, from, line, files) => {
      const all_ = recorded(said, exec(line));
      expect(all_.end).toMatchObject({ coverage: 'metadata', label: 'scp', files });
      const [sender, receiver] = from === 'client' ? [all_.client, all_.target] : [all_.target, all_.client];
      expect(sender.toString()).toBe(`C0644 70000 a file\n${NUL}`);
      expect(receiver.toString()).toBe(NUL.repeat(3));
      const sum = from === 'client' ? { writtenSha256: sha256(FILE) } : { readSha256: sha256(FILE) };
      expect(all_.files).toMatchObject([{ operation: 'file', result: 'ok', size: FILE.length, ...sum }]);
    },
  );

  const turns: readonly (readonly [string, readonly Said[]])[] = [
    ['a line that is none', [['client', 'ls -l\n']]],
    [
      'a second line before the first is answered',
      [
        ['client', 'C0644 5 x\nC0644 5 y\n'],
        ['target', NUL],
      ],
    ],
    ['content before the line is answered', [['client', 'C0644 5 x\nhello\0']]],
    [
      'words of the receiver in the place of an answer',
      [
        ['client', 'C0644 5 x\n'],
        ['target', 'root\n'],
      ],
    ],
    [
      'words of the receiver while content passes',
      [
        ['client', 'C0644 99999 x\n'],
        ['target', NUL],
        ['client', 'id\n'],
        ['target', 'uid=0\n'],
      ],
    ],
    [
      'a zero byte of the receiver while content passes',
      [
        ['client', 'C0644 99999 x\n'],
        ['target', NUL],
        ['client', 'id\n'],
        ['target', NUL],
      ],
    ],
    [
      'no verdict behind the content',
      [
        ['client', 'C0644 2 x\n'],
        ['target', NUL],
        ['client', 'hihi'],
      ],
    ],
    ['a way out of a folder that was not gone into', [['client', 'E\n']]],
    ['an answer to nothing', [['target', NUL]]],
    ['a name with a slash', [['client', 'C0644 5 ../x\n']]],
    ['an endless line', [['client', 'T'.repeat(20_000)]]],
  ];

  it.each(turns)('becomes a command with %s: all from there on is kept', (_name, breach) => {
    for (const before of [upload.slice(0, 1), upload]) {
      const said: Said[] = [...before, ...breach, ...SHELL];
      const { end, client, target, files, facts } = recorded(said, exec('scp -t x'));
      // Where the very first line is none, it was never scp.
      expect(end.label).toMatch(before === upload ? /^scp then command$/ : /command$/);
      if (end.label !== 'command') expect(files.at(-1)).toMatchObject({ operation: 'unparsed' });
      expect(client.toString()).toMatch(/id\n\0whoami\n$/);
      expect(target.toString()).toMatch(/uid=0\(root\)\n\0root\n$/);
      const left = [
        ...facts.filter(({ what }) => what === 'gap').map(({ bytes }) => bytes),
        ...files.map((each) => (each.writtenSha256 ? (each.bytesWritten ?? 0) : 0)),
      ];
      const gone = left.reduce((sum, bytes) => sum + bytes, 0);
      expect(client.length + gone).toBe(all(said, 'client').length);
      expect(target).toEqual(all(said, 'target'));
      expect(end.coverage).toBe(gone === 0 ? 'full' : 'metadata');
    }
  });

  it('accounts for content that did not pass whole by its length and digest', () => {
    const said: Said[] = [...upload.slice(0, 4), ['target', 'stop\n'], ...SHELL];
    const { facts, client } = recorded(said, exec('scp -t x'));
    const part = FILE.subarray(0, 30_000);
    expect(facts).toEqual([
      { what: 'gap', stream: 'stdin', offset: 'C0644 70000 a file\n'.length, bytes: 30_000, sha256: sha256(part) },
    ]);
    expect(client.toString()).toBe('C0644 70000 a file\nid\n\0whoami\n');
  });

  it('keeps or accounts for every byte, whoever speaks when and however it is cut', () => {
    const word = fc.constantFrom<Buffer | string>(
      ...[
        NUL,
        'C0644 5 x\n',
        'C0600 0 empty\n',
        'D0755 0 dir\n',
        'E\n',
        'T1 0 1 0\n',
        'hello',
        'hello\0',
        '\x01no\n',
        '\x02no\n',
        'id\n',
      ],
      ...[INIT, VERSION, packet(5, uint32(1), text('h'), uint32(0), uint32(0), uint32(100)), FILE.subarray(0, 3_000)],
    );
    const turn = fc.tuple(fc.constantFrom('client' as const, 'target' as const), word);
    const cases = fc.tuple(
      fc.constantFrom(upload, download, []),
      fc.array(turn, { maxLength: 20 }),
      fc.integer({ min: 1, max: 50 }),
    );
    fc.assert(
      fc.property(cases, ([begins, more, size]) => {
        const said: Said[] = [...begins, ...more].flatMap(([from, bytes]): Said[] => {
          const isLong = bytes.length > 10_000;
          return isLong ? [[from, bytes]] : cutInto(size, [[from, bytes]]);
        });
        const { client, target, files, facts, end } = recorded(said, exec('scp -t x'));
        const gaps = (stream: string) =>
          facts.filter((each) => each.what === 'gap' && each.stream === stream).map(({ bytes }) => bytes);
        const hashed = (key: 'readSha256' | 'writtenSha256') =>
          files.flatMap((each) =>
            each.protocol === 'scp' && each[key] ? [each.bytesRead ?? each.bytesWritten ?? 0] : [],
          );
        const sum = (sizes: readonly number[]) => sizes.reduce((total, each) => total + each, 0);
        if (end.label.startsWith('sftp')) return;
        expect(client.length + sum(gaps('stdin')) + sum(hashed('writtenSha256'))).toBe(all(said, 'client').length);
        expect(target.length + sum(gaps('stdout')) + sum(hashed('readSha256'))).toBe(all(said, 'target').length);
      }),
      runs(500),
    );
  });
});

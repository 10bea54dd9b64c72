import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME } from '../../../../src/recording/format/format.ts';
import { ChannelWriter } from '../../../../src/recording/thread/channel-writer.ts';
import {
  anyReply,
  anyRequest,
  INIT,
  packet,
  packetsOf,
  text,
  uint32,
  VERSION,
} from '../../../support/peers/sftp-talk.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { all, cutInto, exec, pipe, recorded, type Said, SHELL } from '../../../support/samples/piped.ts';
import { command } from '../../../support/worlds/recorded.ts';

const uint64 = (value: number): Buffer => Buffer.concat([uint32(0), uint32(value)]);
const open = (id: number, flags: number): Said => [
  'client',
  packet(3, uint32(id), text('/srv/a'), uint32(flags), uint32(0)),
];
const opened = (id: number, handle = 'h'): Said => ['target', packet(102, uint32(id), text(handle))];
const read = (id: number, handle = 'h'): Said => [
  'client',
  packet(5, uint32(id), text(handle), uint64(0), uint32(100)),
];
const data = (id: number): Said => ['target', packet(103, uint32(id), text('content'))];
const write = (id: number, at = 0, bytes = 'content'): Said => [
  'client',
  packet(6, uint32(id), text('h'), uint64(at), text(bytes)),
];
const status = (id: number, code: number, ...more: Buffer[]): Said => [
  'target',
  packet(101, uint32(id), uint32(code), ...more),
];
const words = (said: string, language = ''): [Buffer, Buffer] => [text(said), text(language)];

const SUBSYSTEM = { kind: 'subsystem', command: 'sftp' } as const;
const greeting: readonly Said[] = [
  ['client', INIT],
  ['target', VERSION],
];
/** A file that is open for reading and writing. */
const there: readonly Said[] = [...greeting, open(1, 3), opened(1)];
const closing: readonly Said[] = [['client', packet(4, uint32(99), text('h'))], status(99, 0, ...words('Success'))];

describe('SFTP, followed by what it says', () => {
  it.each([
    ['the subsystem', SUBSYSTEM],
    ['a command', exec('sudo /usr/lib/openssh/sftp-server')],
    ['a command of any name', exec('/opt/files')],
  ] as const)('is what %s speaks: its file log, and all but the content', (_name, start) => {
    const content: readonly Said[] = [read(2), data(2), write(3), status(3, 0, ...words('Success'))];
    const { end, client, target, files } = recorded([...there, ...content, ...closing], start);
    expect(end).toMatchObject({ coverage: 'metadata', label: 'sftp', files: { read: 1 } });
    expect(client).toEqual(all([...there, ...closing], 'client'));
    expect(target).toEqual(all([...there, ...closing], 'target'));
    expect(files).toMatchObject([{ operation: 'file', path: '/srv/a', bytesRead: 7, bytesWritten: 7 }]);
  });

  it('without content of files is kept whole', () => {
    const { end, client, target } = recorded([...there, ...closing], SUBSYSTEM);
    expect(end).toMatchObject({ coverage: 'full', label: 'sftp', files: { read: 0 } });
    expect({ client, target }).toEqual({
      client: all([...there, ...closing], 'client'),
      target: all([...there, ...closing], 'target'),
    });
  });

  const hidden = text('uid=0(root), root:x:0:0\n');
  const ways: readonly (readonly [string, readonly Said[]])[] = [
    [
      'a path, and the names that answer it',
      [
        ['client', packet(16, uint32(2), hidden)],
        ['target', packet(104, uint32(2), uint32(1), hidden, hidden, uint32(0))],
      ],
    ],
    [
      'what follows the names',
      [
        ['client', packet(16, uint32(2), text('.'))],
        ['target', packet(104, uint32(2), uint32(0), hidden)],
      ],
    ],
    [
      'attributes with extensions',
      [
        ['client', packet(17, uint32(2), text('/'))],
        ['target', packet(105, uint32(2), uint32(0x8000_0000), uint32(1), hidden, hidden)],
      ],
    ],
    [
      'an extension that nobody knows, and its answer',
      [
        ['client', packet(200, uint32(2), text('x@example.org'), hidden)],
        ['target', packet(201, uint32(2), hidden)],
      ],
    ],
    ['the handle of a file', [open(2, 1), ['target', packet(102, uint32(2), hidden)]]],
    ['words of a refusal', [open(2, 1), status(2, 3, hidden, text(''))]],
    ['words of a good answer to a write', [status(2, 0, hidden, text(''))]],
  ];

  it.each(ways)('keeps %s', (_name, said) => {
    const before = said.some(([from]) => from === 'client') ? there : [...there, write(2)];
    const { client, target, end } = recorded([...before, ...said, ...closing], SUBSYSTEM);
    expect(client).toEqual(all([...there, ...said, ...closing], 'client'));
    expect(target).toEqual(all([...there, ...said, ...closing], 'target'));
    expect(end.label).toBe('sftp');
  });

  it.each([
    ['OpenSSH', 0, words('Success')],
    ['nothing', 0, words('')],
    ['a language', 0, words('', 'en-US')],
    ['no words at all', 0, []],
  ] as const)('leaves out the answer to a write that says %s', (_name, code, more) => {
    const { target } = recorded([...there, write(2), status(2, code, ...more)], SUBSYSTEM);
    expect(target).toEqual(all(there, 'target'));
  });

  it.each([
    ['other words', 0, words('success')],
    ['another language', 0, words('Success', 'xx')],
    ['bytes behind it', 0, [...words('Success'), Buffer.from('more')]],
    ['half of its words', 0, [Buffer.from([0, 0, 0, 9, 1])]],
    ['the words of a read', 0, words('End of file')],
    ['another code', 4, words('Success')],
    ['the code of a read', 1, words('End of file')],
  ] as const)('keeps the answer to a write with %s', (_name, code, more) => {
    const answer = status(2, code, ...more);
    const { target } = recorded([...there, write(2), answer], SUBSYSTEM);
    expect(target).toEqual(all([...there, answer], 'target'));
  });

  it('keeps answers to a read but for its content and its plain end', () => {
    const [end, ok] = [status(2, 1, ...words('End of file')), status(2, 0, ...words('Success'))];
    expect(recorded([...there, read(2), end], SUBSYSTEM).target).toEqual(all(there, 'target'));
    expect(recorded([...there, read(2), ok], SUBSYSTEM).target).toEqual(all([...there, ok], 'target'));
  });

  it('keeps what asks to read what is not open, or a folder', () => {
    const folder: readonly Said[] = [...greeting, ['client', packet(11, uint32(1), text('/'))], opened(1)];
    for (const said of [
      [...there, read(2, 'none')],
      [...folder, read(2)],
    ]) {
      const { client, target, end } = recorded([...said, data(2), ...SHELL], SUBSYSTEM);
      expect(client).toEqual(all([...said, ...SHELL], 'client'));
      expect(target).toEqual(all([...said, data(2), ...SHELL], 'target'));
      expect(end).toMatchObject({ coverage: 'full', label: 'sftp then subsystem' });
    }
    const { client } = recorded([...folder, write(2)], SUBSYSTEM);
    expect(client).toEqual(all([...folder, write(2)], 'client'));
  });

  it('leaves out nothing but content, what asks for it and plain answers, whoever says what and however it is cut', () => {
    const path = fc.constantFrom(Buffer.from('/a'), Buffer.from([0x2f, 0xff]));
    const turns = fc.array(fc.tuple(anyRequest(path), anyReply, fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(turns, fc.constantFrom(1, 7, 600, 100_000), (asked, size) => {
        const said = asked.flatMap(([request, reply, isRead], n): Said[] =>
          isRead
            ? [read(n), data(n)]
            : [
                ['client', request.bytes(n)],
                ['target', reply(n)],
              ],
        );
        const passed = [...there, ...said];
        const { client, target, facts } = recorded(cutInto(size, passed), SUBSYSTEM);
        expect(facts).toEqual([]);
        for (const [side, kept, mayGo] of [
          ['client', client, [5, 6]],
          ['target', target, [101, 103]],
        ] as const) {
          const left = packetsOf(kept).packets;
          const gone = packetsOf(all(passed, side)).packets.filter((each) => {
            if (!left[0]?.equals(each)) return true;
            left.shift();
            return false;
          });
          expect(left).toEqual([]);
          expect(mayGo).toEqual(expect.arrayContaining(gone.map((each) => each[4])));
        }
      }),
      runs(200),
    );
  });
});

describe('what comes of an SFTP packet that never ends', () => {
  const begins = (from: 'client' | 'target', type: number): Said => [
    from,
    Buffer.concat([uint32(256 * 1024), Buffer.from([type])]),
  ];
  const typed = (from: 'client' | 'target', lines: number): Said[] =>
    Array.from({ length: lines }, (_, n): Said => [from, `cat /etc/shadow # ${n}\n`]);

  it.each([
    ['a path', 'client', 16],
    ['a read', 'client', 5],
    ['names', 'target', 104],
    ['a status', 'target', 101],
  ] as const)('is kept at the end, be it %s of the %s', (_name, from, type) => {
    for (const lines of [0, 1, 5, 2_000]) {
      const said = [...there, begins(from, type), ...typed(from, lines)];
      const { client, target } = recorded(said, SUBSYSTEM);
      expect({ client, target }).toEqual({ client: all(said, 'client'), target: all(said, 'target') });
    }
  });

  it('is kept as it comes, but for the last bytes: a gateway that dies loses no more', () => {
    for (const size of [1, 100, 32_768]) {
      const { say, keptOf } = pipe(SUBSYSTEM, () => {});
      const said = [
        ...there,
        begins('client', 16),
        ...typed('client', 2_000),
        begins('target', 104),
        ...typed('target', 2_000),
      ];
      for (const each of cutInto(size, said)) say(each);
      const { client, target } = keptOf();
      expect({ client, target }).toEqual({ client: all(said, 'client'), target: all(said, 'target') });
    }
    const { say, keptOf } = pipe(SUBSYSTEM, () => {});
    for (const each of [...there, begins('client', 16), ...typed('client', 5)]) say(each);
    expect(all(typed('client', 5), 'client').length).toBeLessThan(512);
    expect(keptOf().client).toEqual(all(there, 'client'));
  });

  it('is kept once where it is no packet in the end, or is one after all', () => {
    const long = packet(16, uint32(2), text('x'.repeat(3_000)), uint32(0));
    const whole = packet(16, uint32(2), text('x'.repeat(3_000)));
    for (const each of [long, whole]) {
      for (const size of [100, 1_000, 2_999]) {
        const said: Said[] = [...there, ...cutInto(size, [['client', each]]), ...(each === long ? SHELL : [])];
        expect(recorded(said, SUBSYSTEM).client).toEqual(all(said, 'client'));
      }
    }
  });
});

describe('a long session of SFTP of which nothing may be left out', () => {
  it('never ends because of its names and attributes, in any alphabet and at any speed', () => {
    let told = 0;
    const { say, keptOf, end } = pipe(SUBSYSTEM, () => {
      told += 1;
    });
    const passed: Said[] = [];
    const name = text(Buffer.from(Array.from({ length: 80 }, (_, n) => 1 + ((n * 7) % 31))));
    const attributes = Buffer.concat([uint32(15), uint64(7), uint32(1), uint32(2), uint32(3), uint32(4), uint32(5)]);
    for (const each of greeting) say(each);
    for (let id = 0; id < 60_000; id += 1) {
      passed.push(['client', packet(17, uint32(id), name)], ['target', packet(105, uint32(id), attributes)]);
    }
    for (let id = 0; id < 1_500; id += 1) {
      const names = Array.from({ length: 20 }, () => Buffer.concat([name, name, attributes]));
      passed.push(['client', packet(16, uint32(id), name)], ['target', packet(104, uint32(id), uint32(20), ...names)]);
    }
    for (const each of passed) say(each);
    expect(all(passed, 'target').length).toBeGreaterThan(5_000_000);
    expect(told).toBe(0);
    expect(end()).toMatchObject({ coverage: 'full', label: 'sftp' });
    expect(keptOf().target.equals(all([...greeting, ...passed], 'target'))).toBe(true);
  });
});

describe('content of which the file log has no digest', () => {
  it('is covered by the digest of the whole stream', () => {
    const hash = (said: readonly Said[], side: Said[0]): string =>
      createHash('sha256').update(all(said, side)).digest('hex');
    const files: Record<string, unknown>[] = [];
    let told = 0;
    const channel = new ChannelWriter(
      { ...command(0, 'sftp'), kind: 'subsystem', mayLeaveOut: false },
      (type, _micros, payload) => {
        if (type === FRAME.file) files.push(JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>);
      },
      () => {
        told += 1;
      },
    );
    const done = (id: number): Said => status(id, 0, ...words('Success'));
    const twice: readonly Said[] = [write(2, 0, 'one'), done(2), write(3, 0, 'two'), done(3)];
    const said = [...there, ...twice, ...closing];
    for (const [from, bytes] of said) {
      if (from === 'client') channel.input(Buffer.from(bytes), 0);
      else channel.output('stdout', Buffer.from(bytes), 0);
    }
    const record = channel.finish(0);
    expect(files).toMatchObject([{ operation: 'file', bytesWritten: 6, why: 'parts of it passed more than once' }]);
    expect(files[0]).not.toHaveProperty('writtenSha256');
    expect({ told, coverage: record.coverage }).toEqual({ told: 0, coverage: 'metadata' });
    expect(record.stdinSha256).toBe(hash(said, 'client'));
    expect(record.stdoutSha256).toBe(hash(said, 'target'));
  });
});

describe('SFTP that ends to be one', () => {
  it.each([
    ['the client', [['client', 'id\n\0id\nid\n']]],
    ['the target', [['target', 'uid=0(root)\n']]],
    [
      'the client, behind half a request',
      [
        ['client', packet(3, uint32(9), text('/x'), uint32(1), uint32(0)).subarray(0, 11)],
        ['target', 'no\n\0no'],
      ],
    ],
    ['the target, which sends what was not asked for', [['target', packet(103, uint32(77), text('hidden'))]]],
    [
      'the client, which writes to what is not open',
      [['client', packet(6, uint32(9), text('none'), uint32(0), uint32(0), text('hidden'))]],
    ],
  ] as readonly (readonly [string, readonly Said[]])[])(
    'ends with what %s says that is none of it: that and all behind it is kept',
    (_name, breach) => {
      const begun = [...there, ...closing];
      for (const size of [1, 7, 1_000]) {
        const { end, client, target, files } = recorded(
          [...there, read(2), data(2), ...closing, ...cutInto(size, breach), ...SHELL],
          SUBSYSTEM,
        );
        expect(end).toMatchObject({ coverage: 'metadata', label: 'sftp then subsystem', files: { read: 1 } });
        expect(files.at(-1)).toMatchObject({ operation: 'unparsed' });
        expect(client.toString('latin1')).toBe(all([...begun, ...breach, ...SHELL], 'client').toString('latin1'));
        expect(target.toString('latin1')).toBe(all([...begun, ...breach, ...SHELL], 'target').toString('latin1'));
      }
    },
  );
});

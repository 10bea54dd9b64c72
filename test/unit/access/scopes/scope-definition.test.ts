import { describe, expect, it } from 'vitest';
import { Policy, scopesOf } from '../../../../src/access/policy.ts';
import { forcedCommand } from '../../../../src/access/scopes/forced-command.ts';
import { Scope } from '../../../../src/access/scopes/scope.ts';

const rules = [{ name: 'one', max_duration: 'PT1H' }];
const refusal = (...scopes: readonly object[]): string => {
  const parsed = Policy.safeParse({ rules, scopes });
  return parsed.success
    ? ''
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n');
};
const words = 'What it is for';

describe('scopes that operators define', () => {
  it('stand beside the built-in ones, and are what a grant can hold', () => {
    const policy = Policy.parse({
      rules,
      scopes: [
        { name: 'exec:restart', words, exec: [['systemctl', 'restart', 'nginx']] },
        { name: 'tunnel:pg', words, tunnels: [{ host: '*.internal', ports: [5432] }] },
        { name: 'files:www', words, files: { rights: 'read-write', paths: ['/srv/www/**'] } },
        { name: 'shell:typed', words, shell: true, pty: true, exec: 'any', record_input: true, watch: 'silent' },
      ],
    });
    const all = scopesOf(policy);
    expect(all.map((scope) => scope.name)).toEqual([
      ...['shell', 'files-ro', 'files-rw', 'ide', 'exec:restart', 'tunnel:pg', 'files:www', 'shell:typed'],
    ]);
    for (const scope of all) expect(Scope.parse(JSON.parse(JSON.stringify(scope)))).toEqual(scope);
    // An absent field stays absent: the digest of a grant covers its scope as it is.
    expect(Object.keys(all[4] ?? {})).not.toContain('record_input');
  });

  it('are refused where they would promise what does not hold, by path', () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ name: 'shell', words, shell: true }, 'scopes.0.name: shell is built in'],
      [{ name: 'web', words, shell: true }, 'scopes.0.name: must be a scope name'],
      [{ name: 'exec:x', words }, 'scopes.0.exec: exec:x names no command'],
      [{ name: 'tunnel:x', words }, 'scopes.0.tunnels: tunnel:x names no tunnels'],
      [{ name: 'files:x', words }, 'scopes.0.files: files:x names no files'],
      [{ name: 'shell:x', words }, 'scopes.0.shell: shell:x has no shell'],
      [{ name: 'exec:x', words, exec: [['ls']], shell: true }, 'scopes.0.shell: a shell runs any command'],
      [
        { name: 'files:x', words, files: { rights: 'read' }, exec: 'any' },
        'scopes.0.exec: commands belong in exec:<name>',
      ],
      [
        { name: 'exec:x', words, exec: 'any', files: { rights: 'read' } },
        'scopes.0.files: a shell, or any command, reaches',
      ],
      [{ name: 'tunnel:x', words, loopback: true, opaque: 'refused' }, 'scopes.0.opaque: every tunnel is opaque'],
      [
        { name: 'files:x', words, files: { rights: 'read' }, pty: true },
        'scopes.0.pty: a terminal is useless without a shell',
      ],
      [{ name: 'exec:x', words, exec: [] }, 'scopes.0.exec: '],
      [{ name: 'exec:x', words, exec: [[]] }, 'scopes.0.exec: '],
      [{ name: 'exec:x', words, exec: [['*', 'x']] }, 'the first word must be the command'],
      [{ name: 'exec:x', words, exec: [['ls', '**', 'x']] }, '** must come last'],
      [{ name: 'exec:x', words, exec: [['ls', 'a*']] }, '* and ** must be whole words'],
      [{ name: 'exec:x', words, exec: [['ls', 'ä']] }, 'words must be printable ASCII'],
      [{ name: 'exec:x', words, exec: [['ls', 'a\nb']] }, 'words must be printable ASCII'],
      [
        { name: 'files:x', words, files: { rights: 'read', paths: ['srv/**'] } },
        'scopes.0.files.paths.0: must be an absolute path',
      ],
      [
        { name: 'files:x', words, files: { rights: 'read', paths: ['/srv/../**'] } },
        'scopes.0.files.paths.0: must not contain ".."',
      ],
      ...['/srv/{a,b}/**', '/srv/[ab]', '/srv/a?', '/srv/(a)', '/srv/a\\*'].map((path): readonly [object, string] => [
        { name: 'files:x', words, files: { rights: 'read', paths: [path] } },
        'scopes.0.files.paths.0: only * and ** match names, not ',
      ]),
      [
        { name: 'files:x', words, files: { rights: 'read', paths: ['/srv/a**'] } },
        'scopes.0.files.paths.0: ** must stand alone',
      ],
      [
        { name: 'tunnel:x', words, tunnels: [{ host: '*', ports: [1] }] },
        'scopes.0.tunnels.0.host: must be a host name',
      ],
      [{ name: 'tunnel:x', words, tunnels: [{ host: 'db', ports: [] }] }, 'scopes.0.tunnels.0.ports: '],
      [{ name: 'exec:x', words: 'two\nlines', exec: [['ls']] }, 'scopes.0.words: must be one line'],
      [{ name: 'exec:x', words: '\ud800', exec: [['ls']] }, 'scopes.0.words: must be one line'],
      [{ name: 'exec:x', words, exec: [['ls']], user: 'root' }, 'Unrecognized key'],
    ];
    for (const [scope, sentence] of cases) expect(refusal(scope), sentence).toContain(sentence);
  });

  it.each<[object, readonly string[]]>([
    [{ name: 'shell:x', shell: true }, []],
    [{ name: 'shell:x', shell: true, pty: true, exec: 'any', files: { rights: 'read-write' } }, []],
    [
      { name: 'shell:x', shell: true, files: { rights: 'read' } },
      ['files: a shell, or any command, reaches every file of the login: limits here would have no effect'],
    ],
    [
      { name: 'shell:x', shell: true, files: { rights: 'read-write', paths: ['/srv/**'] } },
      ['files: a shell, or any command, reaches every file of the login: limits here would have no effect'],
    ],
    [{ name: 'shell:x', exec: 'any' }, ['shell: shell:x has no shell']],
    [{ name: 'exec:x', exec: 'any', pty: true }, []],
    [{ name: 'exec:x', exec: [['ls']], pty: true, files: { rights: 'read' }, loopback: true }, []],
    [{ name: 'exec:x' }, ['exec: exec:x names no command']],
    [{ name: 'files:x', files: { rights: 'read' }, tunnels: [{ host: 'db', ports: [1] }] }, []],
    [
      { name: 'files:x', files: { rights: 'read' }, exec: [['ls']] },
      ['exec: commands belong in exec:<name>, not in files:x'],
    ],
    [{ name: 'files:x' }, ['files: files:x names no files']],
    [{ name: 'tunnel:x', loopback: true }, []],
    [{ name: 'tunnel:x', tunnels: [{ host: 'db', ports: [1] }] }, []],
    [{ name: 'tunnel:x' }, ['tunnels: tunnel:x names no tunnels']],
    [{ name: 'tunnel:x', loopback: true, exec: 'any' }, ['exec: commands belong in exec:<name>, not in tunnel:x']],
    [
      { name: 'tunnel:x', loopback: true, shell: true },
      ['shell: a shell runs any command: name the scope shell:<name>, not tunnel:x'],
    ],
    [{ name: 'tunnel:x', loopback: true, pty: true }, ['pty: a terminal is useless without a shell or a command']],
    [
      { name: 'tunnel:x', loopback: true, opaque: 'refused' },
      ['opaque: every tunnel is opaque: remove the tunnels or this setting'],
    ],
    [
      { name: 'tunnel:x', tunnels: [{ host: 'db', ports: [1] }], opaque: 'refused' },
      ['opaque: every tunnel is opaque: remove the tunnels or this setting'],
    ],
    [{ name: 'exec:x', exec: [['ls']], opaque: 'refused' }, []],
    [
      { name: 'exec:x', exec: [['ls'], ['*'], ['cat', 'a*']] },
      ['exec: ["*"]: the first word must be the command', 'exec: ["cat","a*"]: * and ** must be whole words'],
    ],
    [{ name: 'ide' }, ['name: ide is built in; your own names must begin with exec:, files:, tunnel: or shell:']],
    [
      { name: 'files:x', files: { rights: 'read', paths: ['/srv/..', '/srv/..a'] } },
      ['files.paths.0: must not contain ".."'],
    ],
  ])('%j may be written, or is refused with %j', (scope, problems) => {
    const sentences = refusal({ words, ...scope });
    expect(sentences === '' ? [] : sentences.split('\n')).toEqual(problems.map((problem) => `scopes.0.${problem}`));
  });

  it('have names of their own', () => {
    const scope = { name: 'exec:x', words, exec: [['ls']] };
    expect(refusal(scope, scope)).toBe('scopes.1.name: exec:x is defined twice');
    const other = { ...scope, name: 'exec:y' };
    expect(refusal(scope, other, scope, other)).toBe(
      'scopes.2.name: exec:x is defined twice\nscopes.3.name: exec:y is defined twice',
    );
    expect(refusal(scope, other)).toBe('');
  });

  it('are what rules can speak of, and no others', () => {
    const scope = { name: 'exec:x', words, exec: [['ls']] };
    const named = (name: string) => ({ rules: [{ ...rules[0], scopes: [name] }], scopes: [scope] });
    expect(Policy.safeParse(named('exec:x')).success).toBe(true);
    expect(Policy.safeParse(named('ide')).success).toBe(true);
    expect(Policy.safeParse(named('exec:y')).error?.issues).toEqual([
      {
        code: 'custom',
        path: ['rules', 0, 'scopes'],
        message: 'exec:y is not a scope; the scopes are shell, files-ro, files-rw, ide, exec:x',
      },
    ]);
  });
});

describe('what the target is told to run, whatever is asked', () => {
  const forced = (scope: object): string | null => forcedCommand(Scope.parse({ name: 'exec:x', words, ...scope }));

  it('is SFTP that only reads, one command, or nothing, where a scope comes down to that', () => {
    expect(forced({ files: { rights: 'read' } })).toBe('internal-sftp -R');
    expect(forced({ files: { rights: 'read', paths: ['/srv/**'] } })).toBe('internal-sftp -R');
    expect(forced({ exec: [['systemctl', 'restart', "it's"]] })).toBe("systemctl restart it\\'s");
    expect(forced({ tunnels: [{ host: 'db', ports: [1] }] })).toBe('exit 1');
  });

  it('is left open where the scope leaves a choice', () => {
    const open = [
      ...[
        { shell: true },
        { exec: 'any' },
        { exec: [['ls'], ['id']] },
        { exec: [['ls', '*']] },
        { exec: [['ls', '**']] },
      ],
      ...[{ files: { rights: 'read-write' } }, { files: { rights: 'read' }, exec: [['ls']] }],
    ];
    for (const scope of open) expect(forced(scope), JSON.stringify(scope)).toBeNull();
  });
});

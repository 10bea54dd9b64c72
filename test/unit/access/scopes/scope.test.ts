import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChannelAsk, permits, permitsVariable } from '../../../../src/access/scopes/permits.ts';
import { BUILT_IN_SCOPES, findScope, includesScope, Scope, sameScope } from '../../../../src/access/scopes/scope.ts';
import { MUTATED_PART, runs } from '../../../support/samples/hostile-text.ts';
import { scope } from '../../../support/samples/samples.ts';

const exec = (command: string): ChannelAsk => ({ kind: 'exec', command });
const sftp: ChannelAsk = { kind: 'subsystem', name: 'sftp' };
const own = (name: string, more: object): Scope => Scope.parse({ name, words: 'What it is for', ...more });
const why = (of: Scope, ask: ChannelAsk): string | null => {
  const verdict = permits(of, ask);
  return verdict.allowed ? null : verdict.why;
};

describe('the scope shell', () => {
  it('lets a shell, a terminal, any command and sftp through', () => {
    const asks: ChannelAsk[] = [{ kind: 'shell' }, { kind: 'pty' }, exec('rm -rf /'), sftp];
    for (const ask of asks) expect(permits(scope('shell'), ask)).toEqual({ allowed: true });
  });

  it('refuses other subsystems and says what it allows', () => {
    expect(permits(scope('shell'), { kind: 'subsystem', name: 'netconf\u001b[2J' })).toEqual({
      allowed: false,
      why: 'scope shell does not allow the subsystem netconf?[2J; it allows: Shell, commands and files, as far as the login reaches',
    });
  });
});

/** What nobody may slip into the server half of scp. */
const WORSE = [
  'scp -t /tmp; id',
  'scp -t $(id)',
  'scp -t `id`',
  'scp -t /tmp|id',
  'scp -t /tmp\nid',
  'scp -t /tmp & id',
  'scp -t >/etc/passwd',
  'scp -S /tmp/x -t /tmp',
  'scp -t /tmp /etc',
  'scp -t',
  'scp /tmp',
  'scp -o ProxyCommand=id -t /tmp',
  'scp -vS -t x y',
  '/tmp/scp -t /tmp',
  'scp -t -f /tmp',
  'scp -tf /tmp',
  'sc? -t /tmp',
  'scp -? /tmp',
  'scp -f *',
  'scp -f [-]x',
  'X=y scp -t /tmp',
  'sudo scp -t /tmp',
  'scp -t /tmp/é',
];

describe('the scope files-rw', () => {
  const files = scope('files-rw');

  it('lets sftp through, and the server half of scp', () => {
    expect(why(files, sftp)).toBeNull();
    const commands = [
      ...['scp -t /tmp', 'scp -f /var/log/syslog', 'scp -v -r -p -d -t -- ./up', 'scp -rf /var/log/*.gz'],
      ...["scp -t '/srv/a b'", 'scp -f ~/notes', 'scp -f ~deploy/[a-c]*', 'scp -f -- *'],
    ];
    for (const command of commands) expect(why(files, exec(command)), command).toBeNull();
  });

  it('refuses a shell, a terminal and every other command', () => {
    const asks: ChannelAsk[] = [
      { kind: 'shell' },
      { kind: 'pty' },
      exec('id'),
      exec('rsync --server . /tmp'),
      exec(''),
    ];
    for (const ask of asks) expect(permits(files, ask).allowed).toBe(false);
  });

  it('refuses an scp that a shell would make more of', () => {
    for (const command of WORSE) expect(permits(files, exec(command)).allowed, command).toBe(false);
  });
});

describe('the scope files-ro', () => {
  it('lets sftp through and nothing else, because the target answers everything with it', () => {
    const files = scope('files-ro');
    expect(why(files, sftp)).toBeNull();
    expect(why(files, exec('scp -f /var/log/syslog'))).toBe(
      "scope files-ro does not allow scp's old protocol (leave out -O, or use scp -s or sftp); it allows: Read files with sftp or scp; no shell, no commands",
    );
    for (const ask of [exec('scp -t /tmp'), exec('id'), { kind: 'shell' }, { kind: 'pty' }] as const)
      expect(permits(files, ask).allowed).toBe(false);
  });
});

describe('a scope of files below some folders', () => {
  const www = own('files:www', { files: { rights: 'read-write', paths: ['/srv/www/**', '/etc/nginx/*.conf'] } });

  it('lets scp read and write there', () => {
    const commands = [
      ...['scp -t /srv/www', 'scp -t /srv/www/a/b', 'scp -r -t /srv/www/', 'scp -f /srv/www/index.html'],
      ...["scp -rf '/srv/www/a b'", 'scp -f /etc/nginx/site.conf', 'scp -t /srv//www/./a', 'scp -f /srv/www/.htaccess'],
    ];
    for (const command of commands) expect(why(www, exec(command)), command).toBeNull();
  });

  it('refuses what lies elsewhere, and what only the target’s shell could say', () => {
    const commands = [
      ...['scp -f /etc/shadow', 'scp -t /srv', 'scp -rf /srv', 'scp -t /srv/wwwx', 'scp -f /srv/www/../../etc/shadow'],
      ...['scp -f /srv/www/*', 'scp -t ~/x', 'scp -t up', 'scp -t .', 'scp -f /etc/nginx/site?conf', 'scp -f ""'],
      // A folder of that name would take any name below.
      ...['scp -t /etc/nginx/site.conf', 'scp -rf /etc/nginx/site.conf', 'scp -f /etc/nginx'],
    ];
    for (const command of commands) expect(why(www, exec(command)), command).toMatch(/does not allow scp with/);
  });

  it('refuses ".." whatever it would lead to', () => {
    expect(why(www, exec('scp -f /srv/www/a/../b'))).toMatch('with a path that is relative or has ".."');
  });

  it('names the path that is outside', () => {
    expect(why(www, exec('scp -f /etc/shadow'))).toMatch('does not allow scp with the path /etc/shadow;');
  });

  it('that can only be read refuses scp’s writing half', () => {
    const logs = own('exec:logs', { exec: [['uptime']], files: { rights: 'read', paths: ['/var/log/**'] } });
    expect(why(logs, exec('scp -f /var/log/syslog'))).toBeNull();
    expect(why(logs, exec('scp -t /var/log/syslog'))).toMatch('does not allow scp for writing;');
    for (const command of WORSE) expect(permits(logs, exec(command)).allowed, command).toBe(false);
  });
});

describe('a scope of listed commands', () => {
  const restart = own('exec:web', {
    exec: [
      ['systemctl', 'restart', 'nginx'],
      ['systemctl', 'status', '*'],
      ['journalctl', '-u', '*', '-n', '*'],
      ['cat', '--', '**'],
    ],
  });

  it('lets these through, however they are quoted', () => {
    const commands = [
      ...['systemctl restart nginx', ' systemctl  restart "nginx" ', "systemctl 'restart' ngin'x'"],
      ...['systemctl status postgresql@15-main', 'journalctl -u nginx -n 50', 'cat --', 'cat -- /a /b "/c d"'],
    ];
    for (const command of commands) expect(why(restart, exec(command)), command).toBeNull();
  });

  it('refuses every other', () => {
    const commands = [
      ...['systemctl restart', 'systemctl restart nginx nginx', 'systemctl stop nginx', 'sudo systemctl restart nginx'],
      ...[
        '/tmp/systemctl restart nginx',
        'systemctl status',
        'systemctl status a b',
        'SYSTEMCTL restart nginx',
        '',
        ' ',
      ],
      // An option could change what the command does.
      ...[
        'systemctl status --host=root@elsewhere',
        'systemctl status -H',
        'systemctl status ""',
        'cat -- -x',
        'cat -- +x',
      ],
    ];
    for (const command of commands) expect(permits(restart, exec(command)).allowed, command).toBe(false);
    expect(why(restart, exec('systemctl stop nginx'))).toBe(
      'scope exec:web does not allow the command systemctl stop nginx; it allows: What it is for',
    );
  });

  it('refuses what a shell would act on, and names it', () => {
    for (const char of [...';|&$()<>*?[]~#!{}^`']) {
      expect(permits(restart, exec(`systemctl status nginx${char}id`)).allowed, char).toBe(false);
    }
    expect(why(restart, exec('systemctl restart nginx; id'))).toMatch(
      'exec:web does not allow this command: a shell would treat ; as special; it allows',
    );
    expect(why(restart, exec('LD_PRELOAD=/tmp/x systemctl restart nginx'))).toMatch('a shell would treat = as special');
  });

  it('has no shell, no terminal and no files', () => {
    const asks: ChannelAsk[] = [{ kind: 'shell' }, { kind: 'pty' }, sftp, exec('scp -t /tmp')];
    for (const ask of asks) expect(permits(restart, ask).allowed).toBe(false);
  });
});

describe('a scope without opaque channels', () => {
  const watched = own('shell:watched', {
    shell: true,
    exec: 'any',
    files: { rights: 'read-write' },
    opaque: 'refused',
  });

  it('refuses tunnels, of which a recording could only count bytes', () => {
    expect(why(watched, { kind: 'tunnel', host: 'db', port: 5432 })).toBe(
      'scope shell:watched does not allow a tunnel to db:5432, because a recording could only count its bytes; it allows: What it is for',
    );
  });

  it('lets through what is recorded, and asks no command for its name', () => {
    const commands = [
      ...['git log', 'scp -t /tmp', 'rsync --server -logDtpre.iLsfxC . /srv', "git-upload-pack '/srv/x.git'"],
      ...["r'sy'nc --serv\\er . /srv", 'sh -c "git-upload-archive /srv/x.git"'],
    ];
    for (const ask of [{ kind: 'shell' } as const, sftp, ...commands.map(exec)]) expect(why(watched, ask)).toBeNull();
  });
});

describe('a scope that includes another', () => {
  const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 });
  const paths = ['/srv/www/**', '/srv/*', '/etc/hosts'];
  const scopes = fc
    .record({
      shell: fc.boolean(),
      pty: fc.boolean(),
      exec: fc.oneof(fc.constantFrom('any', 'none'), some([['uptime'], ['systemctl', 'restart', '*'], ['id', '**']])),
      files: fc.option(
        fc.record({ rights: fc.constantFrom('read', 'read-write'), paths: fc.oneof(fc.constant([]), some(paths)) }),
      ),
      tunnels: fc.array(fc.record({ host: fc.constantFrom('db.internal', '*.internal'), ports: some([5432, 6379]) }), {
        maxLength: 2,
      }),
      loopback: fc.boolean(),
      opaque: fc.constantFrom('refused', undefined),
    })
    .map((fields) => own('shell:own', fields));
  const asks: ChannelAsk[] = [
    ...[{ kind: 'shell' } as const, { kind: 'pty' } as const, sftp, exec('uptime'), exec('systemctl restart nginx')],
    ...[
      exec('id root'),
      exec('rm -rf /'),
      exec('rsync --server . /'),
      exec('scp -t /srv/www/a'),
      exec('scp -f /etc/hosts'),
    ],
    ...[exec('scp -f /root/x'), exec('scp -t .'), exec('scp -r -f /srv/www/a')],
    ...['db.internal', 'other.internal', 'localhost'].flatMap((host) =>
      [5432, 6379, 80].map((port) => ({ kind: 'tunnel', host, port }) as const),
    ),
  ];

  const target = { id: 'web-01', address: '192.0.2.11', port: 22 };
  const may = (of: Scope, ask: ChannelAsk): boolean =>
    permits(of, ask, { target, gateway: { hosts: [], ports: [] } }).allowed;

  it('lets through whatever that lets through', () => {
    let included = 0;
    fc.assert(
      fc.property(scopes, scopes, (a, b) => {
        if (!includesScope(a, b)) return;
        included += 1;
        for (const ask of asks) expect([ask, may(a, ask) || !may(b, ask)]).toEqual([ask, true]);
      }),
      runs(20_000),
    );
    expect(included).toBeGreaterThan(50 / MUTATED_PART);
  });

  const exec2 = [['uptime'], ['id', '**']];
  const tunnel = (host: string, ...ports: readonly number[]) => ({ host, ports });
  const files = (rights: string, ...paths: readonly string[]) => ({ files: { rights, paths } });
  it.each<[object, object, boolean, boolean]>([
    [{ shell: true }, {}, true, false],
    [{ pty: true }, {}, true, false],
    [{ loopback: true }, {}, true, false],
    [{ shell: true }, { pty: true }, false, false],
    [{ exec: 'any' }, {}, true, false],
    [{ exec: 'any' }, { exec: exec2 }, true, false],
    [{ exec: exec2 }, {}, true, false],
    [{ exec: exec2 }, { exec: [['uptime']] }, true, false],
    [{ exec: exec2 }, { exec: [['id', '**'], ['uptime']] }, true, true],
    [{ exec: exec2 }, { exec: [['uptime'], ['id', '*']] }, false, false],
    [files('read'), {}, true, false],
    [files('read-write'), files('read'), true, false],
    [files('read'), files('read', '/srv/**'), true, false],
    [files('read'), files('read-write', '/srv/**'), false, false],
    [files('read', '/srv/**', '/etc/*'), files('read', '/etc/*'), true, false],
    [files('read', '/srv/**'), files('read', '/etc/*'), false, false],
    [files('read', '/a', '/b'), files('read', '/b', '/a'), true, true],
    [{ tunnels: [tunnel('a', 1, 2)] }, {}, true, false],
    [{ tunnels: [tunnel('a', 1, 2)] }, { tunnels: [tunnel('a', 2)] }, true, false],
    [{ tunnels: [tunnel('a', 1)] }, { tunnels: [tunnel('b', 1)] }, false, false],
    [{ tunnels: [tunnel('a', 1), tunnel('a', 2)] }, { tunnels: [tunnel('a', 1, 2)] }, true, true],
    [{ tunnels: [tunnel('a', 1), tunnel('b', 2)] }, { tunnels: [tunnel('a', 1), tunnel('c', 2)] }, false, false],
    [{}, { opaque: 'refused' }, true, false],
    [{ opaque: 'refused' }, { opaque: 'refused' }, true, true],
    [{ record_input: true }, {}, true, true],
    [{ watch: 'silent' }, {}, true, true],
  ])('is %j for %j: %s, and the other way: %s', (a, b, forth, back) => {
    const [one, other] = [own('shell:own', a), own('shell:own', b)];
    expect([includesScope(one, other), includesScope(other, one)]).toEqual([forth, back]);
  });

  it('is the same only where nothing differs', () => {
    const shell = scope('shell');
    const reversed = Object.fromEntries(Object.entries(shell).reverse()) as Scope;
    expect(sameScope(shell, reversed)).toBe(true);
    for (const change of [
      { words: 'Other words' },
      { record_input: true },
      { watch: 'told' },
      { exec: 'none' },
    ] as const)
      expect(sameScope(shell, { ...shell, ...change })).toBe(false);
  });

  it('is found by its name', () => {
    expect(findScope(BUILT_IN_SCOPES, 'files-rw')?.name).toBe('files-rw');
    expect(findScope(BUILT_IN_SCOPES, 'files')).toBeNull();
  });

  it('is itself, shell before files, ide before shell', () => {
    const inOrder = ['files-ro', 'files-rw', 'shell', 'ide'].map((name) => scope(name));
    for (const [n, wide] of inOrder.entries()) {
      expect(inOrder.map((narrow) => includesScope(wide, narrow))).toEqual(inOrder.map((_, m) => m <= n));
    }
  });
});

describe('a variable that a client sets', () => {
  const allowed = (of: Scope, name: string, value: string): boolean => permitsVariable(of, { name, value });
  const listed = own('exec:own', { exec: [['uptime']] });

  it('goes on where a shell or any command does', () => {
    for (const of of [scope('shell'), own('exec:any', { exec: 'any' })]) {
      expect(allowed(of, 'LD_PRELOAD', '/tmp/x')).toBe(true);
    }
  });

  it('is one of language or colour elsewhere, and names no file', () => {
    for (const value of ['', 'C', 'de_DE.UTF-8@euro', 'pt_BR:en', 'truecolor', '1']) {
      for (const name of ['LANG', 'LANGUAGE', 'LC_MESSAGES', 'COLORTERM'])
        expect(allowed(listed, name, value)).toBe(true);
    }
    for (const value of ['/tmp/x', '../../tmp/x', 'de:/tmp', 'a b', 'x\n', '%n', 'é', 'x'.repeat(129)]) {
      expect([value, allowed(listed, 'LANGUAGE', value)]).toEqual([value, false]);
    }
    for (const name of ['LD_PRELOAD', 'PATH', 'LC_', 'lang']) expect(allowed(listed, name, 'C')).toBe(false);
  });
});

/** As resolvers take them for the loopback. */
export const LOOPBACK = [
  ...['127.0.0.1', '127.1', '127.0.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '127.0.0.2'],
  ...['127.255.255.254', '0', '0.0.0.0', '00', '0x0', '0.0', '::1', '[::1]', '::', '0:0:0:0:0:0:0:1', '::0001'],
  ...[
    '::ffff:127.0.0.1',
    '::FFFF:7f00:1',
    '[::ffff:127.0.0.1]',
    '::127.0.0.1',
    '0:0:0:0:0:ffff:7f00:0001',
    '::ffff:0:0',
  ],
  ...['localhost', 'LOCALHOST', 'localhost.', 'LocalHost.', 'a.localhost', 'localhost.localdomain', 'ip6-localhost'],
];

/** As no resolver, or not every one, takes them for a host. */
export const UNREADABLE = [
  ...[
    '',
    '.',
    '..',
    'a..b',
    '.a',
    '-a',
    'a-',
    'a b',
    'a\tb',
    'a\0b',
    'localhost..',
    'localhost ',
    ' localhost',
    '127.0.0.1 ',
  ],
  ...['1.2.3.4.5', '256.1.1.1', '1.2.3.256', '08', '1.09', '0x', '4294967296', '1..2', '%31', 'a%b', 'a:b', ':', ':::'],
  ...[
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::1%lo',
    'fe80::1%eth0',
    '[::1',
    '::1]',
    '[127.0.0.1]',
  ],
  ...[
    '::127.1',
    '::ffff:0177.0.0.1',
    'ｌocalhost',
    '１２７.0.0.1',
    'localhost。',
    'locаlhost',
    'a'.repeat(300),
    '@',
    'a/b',
    '*',
  ],
];

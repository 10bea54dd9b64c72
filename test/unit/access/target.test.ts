import { describe, expect, it } from 'vitest';
import { targetFiles } from '../../../src/access/sshd-block.ts';
import { pin, samePin, Target, targetIdFromName } from '../../../src/access/target.ts';
import { targetPin } from '../../support/samples/samples.ts';

const KEYS = ['ssh-rsa BBBB', 'ssh-ed25519 AAAA kept@web-01'];
const web = Target.parse({
  ...{ id: 'web-01', name: 'Web', address: '192.0.2.1', port: 2201, host_keys: KEYS, logins: ['deploy', 'dba'] },
});

describe('a target', () => {
  it('is pinned by where it is and by its host keys, in whatever order they stand', () => {
    const pinned = {
      ...{ id: 'web-01', address: '192.0.2.1', port: 2201, hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa BBBB'] },
    };
    expect(pin(web)).toEqual(pinned);
    expect(pin(Target.parse({ ...web, host_keys: KEYS.toReversed() }))).toEqual(pinned);
  });

  it.each([
    ['itself', {}, true],
    ['another target', { id: targetPin('db-01').id }, false],
    ['another address', { address: '192.0.2.2' }, false],
    ['another port', { port: 22 }, false],
    ['another key', { hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa CCCC'] }, false],
    ['a key less', { hostKeys: ['ssh-ed25519 AAAA'] }, false],
    ['a key more', { hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa BBBB', 'ssh-rsa CCCC'] }, false],
    ['no key', { hostKeys: [] }, false],
  ])('is the same as %s: %s', (_, change, expected) => {
    expect(samePin(pin(web), { ...pin(web), ...change })).toBe(expected);
    expect(samePin({ ...pin(web), ...change }, pin(web))).toBe(expected);
  });

  it.each([
    ['web-01', 'web-01'],
    ['web-01.acme.daypass', 'web-01'],
    ['web-01.other.daypass', null],
    ['web-01.acme.daypass.', null],
    ['web-01.acme.daypassx', null],
    ['.acme.daypass', null],
    ['acme.daypass', null],
    ['web-01.acme.daypass.acme.daypass', null],
    ['WEB-01', null],
    ['', null],
  ])('called %s on the site acme is %s', (name, id) => {
    expect(targetIdFromName(name, 'acme')).toBe(id);
  });
});

it('a target is told to trust the CA for its granted logins, each with its own principal, and to run nothing else for them', () => {
  expect(targetFiles(web, 'ssh-ed25519 CA', '/etc/ssh')).toEqual({
    files: [
      { path: '/etc/ssh/daypass_ca.pub', content: 'ssh-ed25519 CA\n' },
      { path: '/etc/ssh/daypass_principals/deploy', content: 'deploy@web-01\n' },
      { path: '/etc/ssh/daypass_principals/dba', content: 'dba@web-01\n' },
    ],
    block: [
      'Match User deploy,dba',
      '  TrustedUserCAKeys /etc/ssh/daypass_ca.pub',
      '  AuthorizedPrincipalsFile /etc/ssh/daypass_principals/%u',
      '  AuthorizedKeysFile none',
      '  PermitUserRC no',
      '  AllowAgentForwarding no',
      '  X11Forwarding no',
      'Match all',
      '',
    ].join('\n'),
  });
});

import { describe, expect, it } from 'vitest';
import { secretIn } from '../../../src/access/secret.ts';

/** Made here, so that nothing in the repository looks like a secret to those who search for them. */
const a = (length: number): string => 'a1B2'.repeat(length).slice(0, length);

describe('a text', () => {
  it.each([
    ['a private key', `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nabc`],
    ['a private key', `-----BEGIN ${'PRIVATE'} KEY-----`],
    ['a private key', `-----BEGIN PGP ${'PRIVATE'} KEY BLOCK-----`],
    ['a private key', `AGE-SECRET-${'KEY-1'}QQQQ`],
    ['a private key', `PuTTY-User-Key-${'File-3'}: ssh-ed25519`],
    ['an AWS access key', `key ${'AKIA'}${'ABCD2345'.repeat(2)}.`],
    ['a Slack token', `${'xoxb'}-${a(24)}`],
    ['a Slack token', `https://hooks.slack.com/${'services'}/T${a(8)}/B${a(8)}/${a(24)}`],
    ['a GitHub token', `${'ghp'}_${a(36)}`],
    ['a GitLab token', `use ${'glpat'}-${a(20)}`],
    ['a Google API key', `${'AIza'}${a(35)}`],
    ['a Stripe key', `${'sk'}_live_${a(24)}`],
    ['a JSON Web Token', `Bearer ${'eyJ'}${a(20)}.${'eyJ'}${a(30)}.${a(20)}`],
    ['a password in a URL', `postgres://app:${a(8)}@db.internal/orders`],
    ['a password', `password: ${a(8)}`],
    ['a password', `the passwd is "${a(9)}!"`],
    ['a password', `API_KEY=${a(20)}`],
    ['a password', `ｐａｓｓｗｏｒｄ=${a(8)}`],
    ['a password', `pass\u200bword=${a(8)}`],
  ])('holds %s: %#', (kind, text) => {
    expect(secretIn(text)).toBe(kind);
  });

  it.each([
    'Move the order database to the new disk',
    'OPS-1042',
    'Reset the password of the report user, see OPS-7',
    'The password is wrong since Monday',
    'Rotate the API key: see the runbook',
    'token: expired again, restart the agent',
    'https://jira.example.com/browse/OPS-1042?focus=comment-3@team',
    'ssh://git@git.example.com:7999/ops/tools.git',
    'Deploy 5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a11',
    'Public key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrvHhxLbWDLBzyLEMkNkxxKLyxKJXp8pTeYVqXcUUx',
    'compare sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '',
  ])('holds no secret: %s', (text) => {
    expect(secretIn(text)).toBeNull();
  });
});

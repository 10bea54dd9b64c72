import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Login } from '../../../../src/access/ids.ts';
import { ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { parseWords, wordAnswer } from '../../../../src/gateway/words/self-service-words.ts';
import type { SelfServiceAnswer } from '../../../../src/use-cases/sessions/self-service.ts';
import { hostileText, runs } from '../../../support/samples/hostile-text.ts';
import { grant, NOON, targetPin } from '../../../support/samples/samples.ts';

const FACTS = { site: 'acme', host: 'ssh.example.com', port: 2222, hostKey: 'ssh-ed25519 AAAA' };
const many = <T>(make: (n: number) => T, count = 3_000): T[] => Array.from({ length: count }, (_, n) => make(n));

/** Whatever is said to the person, the worker accepts the message that carries it. */
const carried = (answer: SelfServiceAnswer) => {
  const served = wordAnswer(answer, { asJson: false }, FACTS);
  expect(ToWorker.safeParse({ type: 'served', id: 1, ...served }).success).toBe(true);
  return served;
};

describe('answers', () => {
  it('fit the message that carries them, however much a person has', () => {
    const targets = many((n) => targetPin(`${'t'.repeat(50)}${n}`), 50);
    const grants = many((n) => ({ ...grant(n), terms: { ...grant(1).terms, targets } }));
    carried({ kind: 'list', grants, pending: [], notes: [], at: NOON });
    const { stdout } = carried({ kind: 'ended', ended: grants.map((each) => ({ grant: each, sessions: 2 })) });
    expect(stdout).toMatch(/and 2950 more\n$/);
    const leftOut = many((n) => Login.parse(`l${'o'.repeat(25)}${n}`), 200);
    const { stderr } = carried({ kind: 'certificate', line: 'x', leftOut });
    expect(stderr).toMatch(/197 more\. Try: cert <grant>\n$/);
    carried({ kind: 'config', publicKey: 'ssh-ed25519 AAAA' });
    const ids = many((n) => String(n));
    carried({ kind: 'refused', why: { code: 'ambiguous_grant', given: 'x'.repeat(1_000), ids } });
    carried({ kind: 'refused', why: { code: 'which_grant', ids } });
    const rests = { code: 'channel_unread', engagement: 'e'.repeat(300), since: NOON } as const;
    const notes = many(() => rests, 40);
    expect(carried({ kind: 'list', grants: [], pending: [], notes, at: NOON }).stderr.split('\n')).toHaveLength(4);
    expect(carried({ kind: 'refused', why: rests }).stderr).toMatch(
      /since 2030-05-02 12:00 UTC .* access in it is paused/,
    );
  });
});

describe('words', () => {
  it('are a question, or refused in one printable line', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText(), fc.string({ maxLength: 1_024 })), (line) => {
        const parsed = parseWords(line);
        if (!('served' in parsed)) return;
        const { stdout, stderr, exit } = parsed.served;
        if (exit === 0) return;
        expect(stdout).toBe('');
        expect(stderr).toMatch(/^daypass: [\x20-\x7e]{1,200}\n$/);
      }),
      runs(300),
    );
  });

  it.each([
    ['', { verb: 'list' }],
    [' list \t', { verb: 'list' }],
    ['cert', { verb: 'cert', grant: null }],
    ['cert 1234abcd', { verb: 'cert', grant: '1234abcd' }],
    ['end --all', { verb: 'end', which: 'all' }],
    ['end 1234abcd', { verb: 'end', which: { grant: '1234abcd' } }],
    ['config', { verb: 'config' }],
  ])('%j is a question', (line, ask) => {
    expect(parseWords(line)).toEqual({ ask, asJson: false });
  });

  it('setup asks for the same as config, as a script', () => {
    expect(parseWords('setup')).toEqual({ ask: { verb: 'config' }, asJson: false, asScript: true });
    expect(parseWords('setup now')).toMatchObject({ served: { exit: 2 } });
  });
});

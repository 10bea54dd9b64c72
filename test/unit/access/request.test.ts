import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ASSURANCES } from '../../../src/access/assurance.ts';
import type { ReviewSignature } from '../../../src/access/pledge.ts';
import {
  type AccessRequest,
  isExpired,
  type PendingRequest,
  type RequestCommand,
  transition,
} from '../../../src/access/request.ts';
import { digest, fingerprint, later, NOON, pending, personId } from '../../support/samples/samples.ts';

const review = (n: number, verdict: 'approve' | 'deny', of = digest(1)): RequestCommand => ({
  kind: 'review',
  reviewerId: personId(n),
  digest: of,
  verdict,
  comment: null,
});

const FIDO = 'sk-ssh-ed25519@openssh.com AAAA';
const signature = (publicKey = 'ssh-ed25519 AAAA'): ReviewSignature => ({
  ...{ fingerprint: fingerprint(2), publicKey, at: later(1) },
  ...{ signed: new Uint8Array([1]), signature: new Uint8Array([2]) },
});

const run = (start: AccessRequest, ...commands: readonly RequestCommand[]): AccessRequest =>
  commands.reduce((request, command) => {
    const next = transition(request, command, later(1));
    return next.ok ? next.value : request;
  }, start);

describe('a pending request', () => {
  it('is approved by its last missing approval', () => {
    expect(run(pending(), review(2, 'approve'))).toMatchObject({ status: 'approved', decidedAt: later(1) });
    const two = pending({ approvals: 2 });
    expect(run(two, review(2, 'approve')).status).toBe('pending');
    expect(run(two, review(2, 'approve'), review(3, 'approve')).status).toBe('approved');
  });

  it('is denied by one denial, also after an approval', () => {
    const two = pending({ approvals: 2 });
    expect(run(two, review(2, 'approve'), review(3, 'deny')).status).toBe('denied');
  });

  it('counts a reviewer once', () => {
    const once = run(pending({ approvals: 2 }), review(2, 'approve'));
    expect(transition(once, review(2, 'approve'), later(2))).toEqual({
      ok: false,
      rejection: { code: 'already_reviewed', at: later(1) },
    });
  });

  it('is not reviewed by its requester', () => {
    const refused = { ok: false, rejection: { code: 'own_request' } };
    expect(transition(pending(), review(1, 'approve'), NOON)).toEqual(refused);
    expect(transition(pending(), review(1, 'deny'), NOON)).toEqual(refused);
  });

  it('is not approved under another digest than its own', () => {
    expect(transition(pending(), review(2, 'approve', digest(2)), NOON)).toEqual({
      ok: false,
      rejection: { code: 'digest_mismatch' },
    });
  });

  it('is expired from its very instant on, whether or not anybody wrote it down', () => {
    expect(isExpired(pending(), later(86_399))).toBe(false);
    expect(isExpired(pending(), later(86_400))).toBe(true);
    expect(transition(pending(), review(2, 'approve'), later(86_400))).toMatchObject({
      ok: false,
      rejection: { code: 'already_decided', outcome: 'expired', by: null },
    });
    expect(transition(pending(), { kind: 'expire' }, later(86_400))).toMatchObject({ value: { status: 'expired' } });
  });

  it('stays pending when told to expire before its time', () => {
    expect(transition(pending(), { kind: 'expire' }, NOON)).toEqual({ ok: true, value: pending() });
  });

  it('is withdrawn by its requester only', () => {
    expect(run(pending(), { kind: 'withdraw', by: personId(2) }).status).toBe('pending');
    expect(transition(pending(), { kind: 'withdraw', by: personId(2) }, NOON)).toEqual({
      ok: false,
      rejection: { code: 'unknown_request' },
    });
    expect(transition(pending(), { kind: 'withdraw', by: personId(1) }, later(1))).toEqual({
      ok: true,
      value: { ...pending(), status: 'withdrawn', decidedAt: later(1) },
    });
  });

  it('keeps what each reviewer said, and when', () => {
    const of = digest(1);
    const said = (n: number, verdict: 'approve' | 'deny', comment: string | null): RequestCommand => ({
      ...{ kind: 'review', reviewerId: personId(n), digest: of, verdict, comment },
    });
    const first = transition(pending({ approvals: 2 }), said(2, 'approve', 'fine'), later(1));
    const reviews = [{ reviewerId: personId(2), verdict: 'approve', comment: 'fine', at: later(1) }] as const;
    expect(first).toEqual({ ok: true, value: pending({ approvals: 2, reviews }) });
    const waiting = pending({ approvals: 2, reviews });
    for (const verdict of ['approve', 'deny'] as const) {
      const all = [...reviews, { reviewerId: personId(3), verdict, comment: null, at: later(2) }];
      expect(transition(waiting, said(3, verdict, null), later(2))).toEqual({
        ok: true,
        value: { ...waiting, reviews: all, status: verdict === 'deny' ? 'denied' : 'approved', decidedAt: later(2) },
      });
    }
  });

  it('is not approved by a denial, however it came to be there', () => {
    const denial = { reviewerId: personId(2), verdict: 'deny', comment: null, at: NOON } as const;
    const waiting = pending({ approvals: 2, reviews: [denial] });
    expect(run(waiting, review(3, 'approve')).status).toBe('pending');
  });

  it('that ran out ends at the instant at which it did, whenever that is noticed', () => {
    const late = later(90_000);
    expect(transition(pending(), { kind: 'expire' }, late)).toEqual({
      ok: true,
      value: { ...pending(), status: 'expired', decidedAt: later(86_400) },
    });
    for (const command of [review(2, 'approve'), { kind: 'withdraw', by: personId(1) } as const]) {
      expect(transition(pending(), command, late)).toEqual({
        ok: false,
        rejection: {
          ...{ code: 'already_decided', requestId: pending().id, outcome: 'expired', by: null, at: later(86_400) },
        },
      });
    }
    const approved = run(pending(), review(2, 'approve'));
    expect(
      [approved, { ...approved, status: 'expired' } as AccessRequest].map((each) => isExpired(each, late)),
    ).toEqual([...[false, true]]);
  });
});

describe('a request whose approvals are signed', () => {
  const signed = (n: number, key?: string): RequestCommand => ({
    ...{ kind: 'review', reviewerId: personId(n), digest: digest(1), verdict: 'approve', comment: null },
    signature: signature(key),
  });
  const outcome = (request: AccessRequest, command: RequestCommand, at = 1) => {
    const next = transition(request, command, later(at));
    if (!next.ok) return next.rejection.code;
    const { status, reviews, pledges } = next.value;
    return `${status}, ${reviews.length} reviews, ${pledges.length} pledges`;
  };
  const asked = (change: Partial<PendingRequest> = {}) => pending({ assurance: 'signed', ...change });
  const pledged = (n = 2, at = NOON) => [{ reviewerId: personId(n), at }];
  const click = { reviewerId: personId(2), verdict: 'approve', comment: null, at: NOON } as const;

  it.each<[string, AccessRequest, RequestCommand, number, string]>([
    ['a click', asked(), review(2, 'approve'), 1, 'pending, 0 reviews, 1 pledges'],
    ['a click again', asked({ pledges: pledged() }), review(2, 'approve'), 1, 'pending, 0 reviews, 1 pledges'],
    ['another’s click', asked({ pledges: pledged() }), review(3, 'approve'), 1, 'pending, 0 reviews, 2 pledges'],
    ['a denial', asked(), review(2, 'deny'), 1, 'denied, 1 reviews, 0 pledges'],
    ['a denial after a click', asked({ pledges: pledged() }), review(2, 'deny'), 1, 'denied, 1 reviews, 0 pledges'],
    ['a signature without a click', asked(), signed(2), 1, 'no_pledge'],
    ['a signature after another’s click', asked({ pledges: pledged(3) }), signed(2), 1, 'no_pledge'],
    ['a signature in time', asked({ pledges: pledged() }), signed(2), 899, 'approved, 1 reviews, 0 pledges'],
    ['a signature too late', asked({ pledges: pledged() }), signed(2), 900, 'pledge_over'],
    ['a signature from before the click', asked({ pledges: pledged(2, later(120)) }), signed(2), 1, 'pledge_over'],
    [
      'the first of two signatures',
      asked({ approvals: 2, pledges: [...pledged(), ...pledged(3)] }),
      signed(2),
      1,
      'pending, 1 reviews, 1 pledges',
    ],
    [
      'a signature where a FIDO key is wanted',
      asked({ assurance: 'fido', pledges: pledged() }),
      signed(2),
      1,
      'fido_key_wanted',
    ],
    [
      'a FIDO key’s signature there',
      asked({ assurance: 'fido', pledges: pledged() }),
      signed(2, FIDO),
      1,
      'approved, 1 reviews, 0 pledges',
    ],
    [
      'a click where a click was enough when it came',
      asked({ reviews: [click] }),
      review(2, 'approve'),
      1,
      'pending, 1 reviews, 1 pledges',
    ],
    [
      'the signature of such a click',
      asked({ reviews: [click], pledges: pledged() }),
      signed(2),
      1,
      'approved, 1 reviews, 0 pledges',
    ],
    ['a denial of who clicked then', asked({ reviews: [click] }), review(2, 'deny'), 1, 'already_reviewed'],
    [
      'a click of who has signed',
      asked({ approvals: 2, reviews: [{ ...click, signature: signature() }] }),
      review(2, 'approve'),
      1,
      'already_reviewed',
    ],
    [
      'the signature of a click where a click is enough by now',
      pending({ pledges: pledged() }),
      signed(2),
      1,
      'approved, 1 reviews, 0 pledges',
    ],
    ['the requester’s signature', asked({ pledges: pledged(1) }), signed(1), 1, 'own_request'],
  ])('after %s is as it should be', (_, request, command, at, expected) => {
    expect(outcome(request, command, at)).toBe(expected);
  });

  it('is not approved by the clicks of any number of people', () => {
    const all = run(asked(), ...[2, 3, 4, 5].map((n) => review(n, 'approve')));
    expect([all.status, all.reviews]).toEqual(['pending', []]);
  });

  it('keeps no pledge once it is over', () => {
    const waiting = asked({ pledges: pledged() });
    expect(transition(waiting, { kind: 'expire' }, later(86_400))).toMatchObject({ value: { pledges: [] } });
    expect(transition(waiting, { kind: 'withdraw', by: personId(1) }, NOON)).toMatchObject({ value: { pledges: [] } });
  });
});

describe('a decided request', () => {
  const decided = {
    approved: run(pending(), review(2, 'approve')),
    denied: run(pending(), review(2, 'deny')),
    withdrawn: run(pending(), { kind: 'withdraw', by: personId(1) }),
  };
  const commands: RequestCommand[] = [
    review(3, 'approve'),
    review(3, 'deny'),
    { kind: 'withdraw', by: personId(1) },
    { kind: 'expire' },
  ];

  for (const [status, request] of Object.entries(decided)) {
    it(`that is ${status} takes no command any more and says who decided`, () => {
      for (const command of commands) {
        expect(transition(request, command, later(90_000))).toEqual({
          ok: false,
          rejection: {
            code: 'already_decided',
            requestId: request.id,
            outcome: status,
            by: status === 'withdrawn' ? null : personId(2),
            at: later(1),
          },
        });
      }
    });
  }
});

it('a request that nobody decided was decided by nobody, also where one of two had approved it', () => {
  const approved = run(pending({ approvals: 2 }), review(2, 'approve'));
  const withdrawn = run(approved, { kind: 'withdraw', by: personId(1) });
  const expired = transition(approved, { kind: 'expire' }, later(86_400));
  for (const request of [withdrawn, expired.ok ? expired.value : approved]) {
    expect(transition(request, review(3, 'approve'), later(90_000))).toMatchObject({ rejection: { by: null } });
  }
});

const anyReview = fc.record({
  kind: fc.constant('review' as const),
  reviewerId: fc.integer({ min: 1, max: 4 }).map(personId),
  digest: fc.integer({ min: 1, max: 2 }).map(digest),
  verdict: fc.constantFrom('approve' as const, 'deny' as const),
  comment: fc.constant(null),
});
const anySignature = fc.constantFrom('ssh-ed25519 AAAA', FIDO).map((key) => signature(key));
const anyCommand: fc.Arbitrary<RequestCommand> = fc.oneof(
  { weight: 3, arbitrary: anyReview },
  { weight: 3, arbitrary: fc.tuple(anyReview, anySignature).map(([of, made]) => ({ ...of, signature: made })) },
  fc.record({ kind: fc.constant('withdraw' as const), by: fc.integer({ min: 1, max: 4 }).map(personId) }),
  fc.constant({ kind: 'expire' as const }),
);

describe('no sequence of commands', () => {
  const numRuns = process.env['DAYPASS_LONG'] === '1' ? 100_000 : 2_000;

  it('approves a request without enough approvals of others, each under its digest', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(anyCommand, fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 100_000 }))),
          {
            maxLength: 12,
          },
        ),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(...ASSURANCES),
        (steps, approvals, assurance) => {
          let request: AccessRequest = pending({ approvals, assurance });
          let lastAt = 0;
          const clicked = new Map<string, number>();
          for (const [command, seconds] of steps.toSorted((a, b) => a[1] - b[1])) {
            const next = transition(request, command, later(seconds));
            if (!next.ok) continue;
            [request, lastAt] = [next.value, seconds];
            if (command.kind !== 'review') continue;
            const since = seconds - (clicked.get(command.reviewerId) ?? Number.NEGATIVE_INFINITY);
            if (command.signature && command.verdict === 'approve') expect(since).toBeLessThan(15 * 60);
            else clicked.set(command.reviewerId, seconds);
          }
          expect(request.ask).toEqual(pending().ask);
          if (request.status !== 'approved') return;
          const approvers = new Set(request.reviews.filter((r) => r.verdict === 'approve').map((r) => r.reviewerId));
          expect(approvers.has(personId(1))).toBe(false);
          expect(approvers.size).toBeGreaterThanOrEqual(approvals);
          expect(request.reviews.some((each) => each.verdict === 'deny')).toBe(false);
          for (const { signature: made } of request.reviews) {
            if (assurance !== 'slack') expect(made).toBeDefined();
            if (assurance === 'fido') expect(made?.publicKey).toBe(FIDO);
          }
          expect(lastAt).toBeLessThan(86_400);
        },
      ),
      { numRuns, seed: 42 },
    );
  });
});

import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grant, GrantTerms } from '../../../src/access/grant.ts';
import { Digest, Fingerprint, Login, TargetId } from '../../../src/access/ids.ts';
import type { AccessRequest, Ask } from '../../../src/access/request.ts';
import { type Scope, ScopeName } from '../../../src/access/scopes/scope.ts';
import type { ChannelSummary, Session, SessionEnding } from '../../../src/access/session.ts';
import type { TargetPin } from '../../../src/access/target.ts';
import { digest, engagementId, grantId, pending, personId, requestId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld, session } from '../../support/worlds/world.ts';

const property = { seed: 20_261, numRuns: process.env['DAYPASS_LONG'] === '1' ? 5_000 : 60 };

/** Whole characters, as RFC 8785 wants them where a digest is taken. */
const signedText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\0', '"\\', '\u2028', '\u{1F600}'));
/** Any UTF-16, with surrogates that have lost their other half. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
/** What a text column holds: whole characters, and no NUL. */
const columnText = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));
const anyDate = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});
const anyDigest = fc.stringMatching(/^[0-9a-f]{64}$/).map((text) => Digest.parse(text));
const anyFingerprint = fc.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/).map((text) => Fingerprint.parse(text));
const anyLogin = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,31}$/).map((text) => Login.parse(text));
const anyTargetId = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/).map((text) => TargetId.parse(text));
const anyPort = fc.integer({ min: 1, max: 65_535 });

const anyPin: fc.Arbitrary<TargetPin> = fc.record({
  id: anyTargetId,
  address: fc.string({ minLength: 1 }),
  port: anyPort,
  hostKeys: fc.array(fc.string(), { maxLength: 3 }),
});
const anyScope: fc.Arbitrary<Scope> = fc.record({
  name: fc.constantFrom('shell', 'files-ro', 'tunnel:db').map((name) => ScopeName.parse(name)),
  words: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map((words) => words.slice(0, 120)),
  shell: fc.boolean(),
  pty: fc.boolean(),
  exec: fc.oneof(
    fc.constantFrom('any' as const, 'none' as const),
    fc.array(fc.array(signedText, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  ),
  files: fc.option(
    fc.record({
      rights: fc.constantFrom('read' as const, 'read-write' as const),
      paths: fc.array(
        signedText.map((path) => `/${path}`),
        { maxLength: 2 },
      ),
    }),
  ),
  tunnels: fc.array(
    fc.record({
      host: fc.string({ minLength: 1, maxLength: 253 }),
      ports: fc.array(anyPort, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
  loopback: fc.boolean(),
});
const who = { engagementId: fc.constant(engagementId(1)), personId: fc.constant(personId(1)) };
const anyAsk: fc.Arbitrary<Ask> = fc.record({
  ...who,
  targets: fc.array(anyPin, { maxLength: 3 }),
  login: anyLogin,
  scope: anyScope,
  durationSeconds: fc.nat(),
  reason: signedText,
  ticket: fc.option(signedText),
  keyFingerprints: fc.array(anyFingerprint, { maxLength: 3 }),
});
const anyTerms: fc.Arbitrary<GrantTerms> = fc.record({
  ...who,
  requestDigest: anyDigest,
  targets: fc.array(anyPin, { maxLength: 3 }),
  login: anyLogin,
  scope: anyScope,
  notBefore: anyDate.map((date) => date.toISOString()),
  notAfter: anyDate.map((date) => date.toISOString()),
  keyFingerprints: fc.array(anyFingerprint, { maxLength: 3 }),
});
const anyReviews = fc
  .record({
    verdict: fc.constantFrom('approve' as const, 'deny' as const),
    comment: fc.option(columnText),
    at: anyDate,
  })
  .chain((first) =>
    fc.constantFrom([], [2], [3, 2]).map((by) => by.map((n) => ({ ...first, reviewerId: personId(n) }))),
  );
const anyEnding: fc.Arbitrary<SessionEnding> = fc.constantFrom(
  { how: 'closed' },
  { how: 'interrupted' },
  { how: 'terminated', why: 'ended_by_reviewer' },
  { how: 'failed', why: 'recording_failed' },
);
const anyChannel: fc.Arbitrary<ChannelSummary> = fc.record({
  id: fc.nat(),
  kind: fc.constantFrom('shell', 'exec', 'subsystem', 'tunnel'),
  command: fc.option(anyText),
  pty: fc.boolean(),
  bytesFromClient: fc.maxSafeNat(),
  bytesToClient: fc.maxSafeNat(),
  stdoutSha256: anyDigest,
  stderrSha256: anyDigest,
  stdinSha256: anyDigest,
  coverage: fc.constantFrom('full', 'metadata', 'opaque'),
  label: fc.constantFrom('terminal', 'sftp'),
  files: fc.option(
    fc.record({ read: fc.nat(), written: fc.nat(), changed: fc.nat(), refused: fc.nat(), hashed: fc.nat() }),
  ),
  destination: fc.option(fc.record({ host: anyText, port: fc.nat({ max: 65_535 }) })),
  startedAt: fc.maxSafeNat(),
  endedAt: fc.maxSafeNat(),
  exit: fc.option(
    fc.oneof(
      fc.record({ kind: fc.constant('status' as const), code: fc.nat() }),
      fc.record({ kind: fc.constant('signal' as const), name: anyText }),
    ),
  ),
});

const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex');

describe.each(STORE_KINDS)('what was stored on %s', (kind) => {
  let store: TestStore;
  let n = 1_000;
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('comes back as the request that it was, with the same digest', () =>
    fc.assert(
      fc.asyncProperty(
        anyAsk,
        anyReviews,
        fc.record({ rule: columnText, requestedAt: anyDate, expiresAt: anyDate }),
        fc.option(fc.record({ status: fc.constantFrom('approved', 'expired'), decidedAt: anyDate })),
        async (ask, reviews, facts, decided) => {
          const asked = pending({ id: requestId(++n), ask, digest: Digest.parse(digestOf(ask)), ...facts });
          const request: AccessRequest = decided ? { ...asked, reviews, ...decided } : { ...asked, reviews };
          const found = await store.transaction(async (tx) => {
            await tx.requests.insert(asked);
            await tx.requests.save(request);
            return tx.requests.byId(request.id);
          });
          expect(found).toEqual(request);
          expect(digestOf(found?.ask)).toBe(request.digest);
        },
      ),
      property,
    ));

  it('comes back as the grant that it was, with the same digest', () =>
    fc.assert(
      fc.asyncProperty(anyTerms, columnText, fc.option(columnText), anyDate, async (terms, mac, comment, at) => {
        const id = ++n;
        const sealed = { id: grantId(id), requestId: requestId(id), terms, mac };
        const grant: Grant = { ...sealed, digest: Digest.parse(digestOf(terms)), end: null, expiredAt: null };
        const end = { how: 'revoked', at, by: personId(2), comment } as const;
        const [fresh, ended] = await store.transaction(async (tx) => {
          await tx.requests.insert(pending({ id: requestId(id) }));
          await tx.grants.insert(grant);
          const before = await tx.grants.lock(grant.id);
          await tx.grants.end(grant.id, end);
          return [before, await tx.grants.byRequest(grant.requestId)];
        });
        expect(fresh).toEqual(grant);
        expect(ended).toEqual({ ...grant, end });
        expect(digestOf(ended?.terms)).toBe(grant.digest);
      }),
      property,
    ));

  it('comes back as the session that it was', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          grantDigest: anyDigest,
          targetId: anyTargetId,
          login: anyLogin,
          via: fc.constantFrom('direct' as const, 'jump' as const),
          keyFingerprint: anyFingerprint,
          clientAddress: fc.oneof(fc.ipV4(), fc.ipV6()),
          startedAt: anyDate,
        }),
        fc.record({
          at: anyDate,
          ending: anyEnding,
          channels: fc.array(anyChannel, { maxLength: 3 }),
          refusals: fc.array(anyText, { maxLength: 3 }),
        }),
        async (facts, ended) => {
          const begun: Session = session(++n, facts);
          const [fresh, done] = await store.transaction(async (tx) => {
            await tx.sessions.insert(begun, begun.id);
            const before = await tx.sessions.byId(begun.id);
            await tx.sessions.end(begun.id, ended);
            return [before, await tx.sessions.lock(begun.id)];
          });
          expect(fresh).toEqual(begun);
          expect(done).toEqual({ ...begun, ended });
        },
      ),
      property,
    ));

  it.each([new Date(Number.NaN), new Date(-8.64e15), new Date(8.64e15)])(
    'is never an instant out of range: %s',
    async (at) => {
      const inserting = store.transaction((tx) =>
        tx.audit.append({ type: 'grant_created', at, actor: { kind: 'daypass' }, facts: { digest: digest(1) } }),
      );
      await expect(inserting).rejects.toMatchObject({ code: 'integrity_violation' });
    },
  );
});

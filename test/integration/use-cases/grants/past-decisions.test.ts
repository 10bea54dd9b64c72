import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';

describe.each(STORE_KINDS)('on the %s store', (kind) => {
  let store: TestStore;
  let world: RightsWorld;

  beforeEach(async () => {
    store = await openTestStore(kind);
    world = RightsWorld.on(store);
    await world.begin(['web-01', 'db-01']);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  describe('a row that was written past the decisions', () => {
    const anyhow = (statement: string, parameters: readonly unknown[] = []) => store.sql(statement, parameters);

    it('mints nothing when its terms were widened, whatever digest it claims', async () => {
      const grant = await world.given({ targets: ['web-01'] });
      await anyhow('alter table access_grant disable trigger all');
      const both = await world.given();
      const terms = JSON.stringify({ ...grant.terms, targets: both.terms.targets });
      await world.revoke(both);
      await anyhow('update access_grant set terms = $1 where id = $2', [terms, grant.id]);
      expect(await world.enter(grant, world.key, 'db-01')).toBe('grant_revoked');
      const digest = world.authority.digest(JSON.parse(terms));
      await anyhow('update access_grant set digest = $1 where id = $2', [digest, grant.id]);
      expect(await world.enter(grant, world.key, 'db-01')).toBe('grant_revoked');
      expect(await world.enter(grant)).toBe('grant_revoked');
    });

    it('mints nothing when it was inserted with a MAC that control did not make', async () => {
      const grant = await world.given();
      await anyhow('alter table access_grant disable trigger all');
      await anyhow("update access_grant set mac = 'AAAA' where id = $1", [grant.id]);
      expect(await world.enter(grant)).toBe('grant_tampered');
    });

    it('is not approved when the ask under its card was edited', async () => {
      const request = granted(
        await requestAccess(world.deps)({
          by: world.contractor.id,
          engagementId: world.engaged.id,
          targetIds: ['web-01'],
          login: world.login,
          scope: 'files-rw',
          durationSeconds: 600,
          reason: 'Copy a file',
          ticket: null,
        }),
      );
      const card = { channelId: 'C1', ts: '1.1' };
      const posted = messageKey({ kind: 'review_card', requestId: request.id, to: null });
      await store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
      await anyhow('alter table access_request disable trigger all');
      await anyhow(
        'update access_request set ask = replace(ask::text, \'"durationSeconds":600\', \'"durationSeconds":9600\')::json',
      );
      const { id: requestId, digest } = request;
      const verdict = { by: world.reviewer.id, requestId, digest, card, verdict: 'approve', comment: null } as const;
      expect(await reviewRequest(world.deps)(verdict)).toEqual({ ok: false, rejection: { code: 'digest_mismatch' } });
      expect(await store.transaction((tx) => tx.grants.byRequest(requestId))).toBeNull();
    });
  });
});

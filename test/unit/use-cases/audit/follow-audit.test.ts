import { describe, expect, it } from 'vitest';
import { AuditFollower } from '../../../../src/use-cases/audit/follow-audit.ts';
import type { Audit } from '../../../../src/use-cases/ports/audit.ts';
import type { Store, Tx } from '../../../../src/use-cases/ports/store.ts';
import { NOON } from '../../../support/samples/samples.ts';

const event = { type: 'code_issued', at: NOON, actor: { kind: 'daypass' }, facts: {}, prev: null, hash: null } as const;

describe('the audit log, followed', () => {
  it('is told in order, each event once', async () => {
    const ids = [3];
    const asked: [number, number][] = [];
    const after: Audit['after'] = async (id, limit) => {
      asked.push([id, limit]);
      return ids.filter((each) => each > id).map((each) => ({ id: each, ...event }));
    };
    const store: Pick<Store, 'transaction'> = { transaction: (work) => work({ audit: { after } } as unknown as Tx) };
    const following = new AuditFollower(store as Store, 4);
    const next = async () => (await following.next()).map(({ id }) => id);
    expect(await next()).toEqual([]);
    expect(following.id).toBe(4);
    ids.push(5, 6);
    expect(await next()).toEqual([5, 6]);
    expect(following.id).toBe(6);
    ids.push(7);
    expect(await next()).toEqual([7]);
    expect(asked).toEqual([
      [4, 500],
      [4, 500],
      [6, 500],
    ]);
  });
});

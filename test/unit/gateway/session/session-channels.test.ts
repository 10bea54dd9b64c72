import { describe, expect, it } from 'vitest';
import { REFUSALS_KEPT_MAX } from '../../../../src/gateway/limits.ts';
import { SessionChannels, type SessionChannelsDeps } from '../../../../src/gateway/session/session-channels.ts';

const refused = async (times: number) => {
  const journal: object[] = [];
  const deps = { journal: (fact: object) => void journal.push(fact) } as unknown as SessionChannelsDeps;
  const channels = new SessionChannels(deps);
  for (let n = 0; n < times; n += 1) channels.refused(`refusal ${n}`);
  return { journal, refusals: (await channels.finished()).refusals };
};

describe('what was refused in a session', () => {
  it('is listed one by one', async () => {
    expect(await refused(2)).toEqual({
      refusals: ['refusal 0', 'refusal 1'],
      journal: [0, 1].map((n) => ({ what: 'refused', sentence: `refusal ${n}` })),
    });
  });

  it('is counted where it is more than is listed, so that nobody hides a refusal behind many', async () => {
    const { journal, refusals } = await refused(REFUSALS_KEPT_MAX + 3);
    expect(refusals).toHaveLength(REFUSALS_KEPT_MAX + 1);
    expect(refusals.at(-1)).toBe('3 more were refused, not listed');
    expect(journal.at(-1)).toEqual({ what: 'refused', sentence: '3 more, not listed', more: 3 });
  });
});

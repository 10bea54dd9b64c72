import { describe, expect, it } from 'vitest';
import { GrantId, RequestId } from '../../../../src/access/ids.ts';
import { homeBlocks } from '../../../../src/slack/conversations/home.ts';
import { listBlocks } from '../../../../src/slack/conversations/list.ts';
import type { Block } from '../../../../src/slack/words/blocks.ts';
import type { AccessList } from '../../../../src/use-cases/views/access-list.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { engagement, engagementId, grant, NOON, pending, personId } from '../../../support/samples/samples.ts';
import { key, session } from '../../../support/worlds/world.ts';

const NOTHING: AccessList = {
  ...{ grants: [], pending: [], toReview: [], revocable: [], engagements: [], governed: [], keys: [] },
  asked: new Map(),
  names: new Map(),
};
const id = (n: number): string => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const many = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n + 1));
const grants = (count: number, from = 0) => many(count, (n) => ({ ...grant(1), id: GrantId.parse(id(from + n)) }));
const requests = (count: number) => many(count, (n) => pending({ id: RequestId.parse(id(n)) }));

const labels = (blocks: readonly Block[]): string[] =>
  blocks.flatMap((block) =>
    block.type === 'actions'
      ? block.elements.flatMap((each) => ('text' in each && each.text ? [each.text.text] : []))
      : [],
  );
const countOf = (blocks: readonly Block[], label: string): number =>
  labels(blocks).filter((each) => each === label).length;
const text = (blocks: readonly Block[]): string => JSON.stringify(blocks);

describe('a list of access', () => {
  it.each([1, 3, 4, 5, 9, 60])(
    'with %i of everything has a button for each that it shows, and counts the others',
    (all) => {
      const list = { ...NOTHING, grants: grants(all), revocable: grants(all, 500), pending: requests(all) };
      const blocks = listBlocks({ ...list, toReview: requests(all) }, NOON);
      checkMessage({ text: 'list', blocks });
      const shown = countOf(blocks, 'Revoke…');
      expect(shown).toBeGreaterThan(0);
      expect([countOf(blocks, 'I’m done'), countOf(blocks, 'Withdraw'), countOf(blocks, 'Extend')]).toEqual([
        shown,
        shown,
        shown,
      ]);
      const left = all - shown;
      expect(text(blocks).match(/and \d+ more/g) ?? []).toEqual(left > 0 ? Array(4).fill(`and ${left} more`) : []);
    },
  );

  it('of what somebody can end shows as many as fit', () => {
    const blocks = listBlocks({ ...NOTHING, revocable: grants(60) }, NOON, { most: 40 });
    checkMessage({ text: 'list', blocks });
    expect(countOf(blocks, 'Revoke…')).toBeGreaterThan(15);
  });
});

describe('the Home tab', () => {
  const governed = [{ engagement: engagement(), live: [session(1)] }];
  const titles = (list: AccessList): string[] =>
    [...text(homeBlocks(list, NOON)).matchAll(/"text":"([^"]+)","style":\{"bold":true\}\}\]\}\]/g)].map(
      ([, title]) => title ?? '',
    );

  it('of who only manages begins with what waits for them, and has nothing of keys or of asking', () => {
    const list = { ...NOTHING, governed, toReview: requests(1) };
    expect(titles(list).slice(0, 2)).toEqual(['Waiting for your review', 'Engagements you look after']);
    expect(labels(homeBlocks(list, NOON)).filter((each) => /Request|key/.test(each))).toEqual([]);
    expect(text(homeBlocks(list, NOON))).not.toMatch(/No SSH key|Not a member/);
  });

  it.each([
    ['works in an engagement', { engagements: [engagement()] }],
    ['has a key', { keys: [key(1)] }],
    ['has access', { grants: grants(1) }],
    ['is new', { governed: [] }],
  ])('of who %s has the buttons for that', (_, change) => {
    const blocks = homeBlocks({ ...NOTHING, governed, ...change }, NOON);
    expect(labels(blocks)).toEqual(expect.arrayContaining(['Request access', 'Register a key', 'My keys']));
    expect(text(blocks)).toMatch(/SSH key/);
  });

  it('has a button to ask in each engagement that one works in, that has begun and is not over', () => {
    const engagements = [
      engagement({ name: 'Over', lastDay: '2020-01-01' }),
      engagement({ id: engagementId(2), name: 'Move' }),
      engagement({ id: engagementId(3), name: 'Later', firstDay: '2030-05-03' }),
    ];
    const blocks = homeBlocks({ ...NOTHING, engagements, keys: [key(1)] }, NOON);
    const [button] = blocks.flatMap((block) => (block.block_id?.startsWith('work_') ? [JSON.stringify(block)] : []));
    expect([countOf(blocks, 'Request access'), button]).toEqual([2, expect.stringContaining(engagementId(2))]);
    expect(text(blocks)).not.toContain('"Over"');
    expect(text(blocks)).toMatch(/"Later".*, begins /);
  });

  it('says of what waits who was asked', () => {
    const [request] = requests(1);
    const asked = new Map([[`${request?.id}`, [personId(2), personId(3)]]]) as unknown as AccessList['asked'];
    const names = new Map([2, 3].map((n) => [personId(n), `Reviewer ${n}`]));
    const blocks = listBlocks({ ...NOTHING, pending: requests(1), asked, names }, NOON);
    expect(text(blocks)).toContain('Reviewer 2 and Reviewer 3 were asked to review it');
    expect(text(listBlocks({ ...NOTHING, pending: requests(1) }, NOON))).toContain('Nobody can review it right now');
  });

  it('is within Slack’s limits with everything at once, and keeps its last buttons', () => {
    const list = {
      ...NOTHING,
      ...{ grants: grants(30), revocable: grants(30, 500), pending: requests(30), toReview: requests(30) },
      engagements: many(30, (n) => engagement({ id: engagementId(n) })),
      governed: many(9, () => ({ engagement: engagement(), live: many(5, (n) => session(n)) })),
    };
    const blocks = homeBlocks(list, NOON);
    expect(blocks.length).toBeLessThanOrEqual(100);
    expect(countOf(blocks, 'Revoke…')).toBe(countOf(blocks, 'I’m done'));
    expect(text(blocks)).toMatch(/and 4 more engagements/);
  });
});

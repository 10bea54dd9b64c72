import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { approvalName } from '../../../../src/access/signing-key.ts';
import { type CardAudience, reviewCard } from '../../../../src/slack/messages/review-card.ts';
import type { RequestView } from '../../../../src/use-cases/views/views.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { ids, inventory, requestView, type World, worlds } from '../../../support/samples/hostile-views.ts';
import { fingerprint, later, NOON, pending } from '../../../support/samples/samples.ts';

const GATEWAY = { host: 'ssh.example.com', port: 2222, hostKeyLine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', site: 'acme' };

const card = (world: World) =>
  reviewCard(requestView(world), {
    inventory: inventory(world),
    audience: world.audience,
    now: NOON,
    userId: 'U0CONTRACT',
    reader: null,
    gateway: GATEWAY,
  });

describe('a review card', () => {
  it('shows every one of fifty targets with its whole id', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const shown = checkMessage(card(world)).join('\n');
        for (const id of ids(world)) expect(shown).toContain(id);
      }),
      runs(60),
    );
  });

  it('shows a target’s name, and to reviewers its address', () => {
    const world: World = {
      text: 'Web server',
      other: 'because',
      targets: 2,
      idLength: 8,
      status: 'pending',
      audience: 'reviewer',
      keys: 1,
      sessions: 1,
      channels: 0,
    };
    const toReviewer = checkMessage(card(world)).join('\n');
    expect(toReviewer).toContain('Web server');
    expect(toReviewer).toContain(`${'a'.repeat(240)}:22`);
    expect(checkMessage(card({ ...world, audience: 'thread' })).join('\n')).not.toContain('aaaa:22');
  });

  it('says where it is more time, on what there is, and how long it becomes', () => {
    const [world] = fc.sample(worlds, { numRuns: 1, seed: 1 });
    if (!world) throw new Error('no world');
    const shown = (change: Partial<ReturnType<typeof requestView>>) =>
      checkMessage(
        reviewCard(
          { ...requestView({ ...world, status: 'pending' }), ...change },
          {
            inventory: { find: () => null },
            audience: 'thread',
            now: later(600),
            userId: null,
            reader: null,
            gateway: GATEWAY,
          },
        ),
      ).join('\n');
    const extension = { until: later(900), since: later(-6_600) };
    expect(shown({ extension: null })).not.toContain('Extension');
    // An hour from now on, two hours after it began.
    expect(shown({ extension, cutShort: null })).toMatch(
      /Extension more time on what they have until .*12:15 UTC.*That makes 3 hours in all, since .*10:10 UTC/,
    );
    const cutShort = later(1_800);
    expect(shown({ extension: null, cutShort: null })).not.toContain('If approved at once');
    expect(shown({ extension: null, cutShort })).toMatch(/If approved at once, it ends .*12:30 UTC.* at the latest/);
    expect(shown({ extension, cutShort })).toMatch(/makes 2 hours, 20 minutes in all/);
    const request = { ...pending(), status: 'approved' as const, decidedAt: later(300) };
    expect(shown({ extension, request, cutShort: null })).toMatch(/makes 2 hours, 55 minutes in all/);
    const engagement = { ...requestView(world).engagement, lastDay: '2030-05-02', timeZone: 'Etc/GMT-10' };
    expect(shown({ extension, engagement, cutShort: null })).toMatch(/makes 3 hours in all/);
    expect(shown({ extension, cutShort: null, engagement: { ...engagement, timeZone: 'Etc/GMT-11' } })).toMatch(
      /makes 2 hours, 50 minutes in all/,
    );
  });

  it('has buttons while it is pending, and none once it is decided or its time has run out', () => {
    const view = (change: Partial<World> = {}) =>
      requestView({
        text: 'x',
        other: 'y',
        targets: 1,
        idLength: 8,
        status: 'pending',
        audience: 'thread',
        keys: 1,
        sessions: 1,
        channels: 0,
        ...change,
      });
    const context = {
      ...{ inventory: { find: () => null }, now: NOON, userId: null, reader: null },
      ...{ audience: 'thread' as const, gateway: GATEWAY },
    };
    const buttons = (blocks: readonly unknown[]) =>
      JSON.stringify(blocks).match(/"action_id":"(?:approve|deny)"/g)?.length ?? 0;
    expect(buttons(reviewCard(view(), context).blocks)).toBe(2);
    for (const status of ['approved', 'denied', 'expired', 'withdrawn'] as const) {
      expect(buttons(reviewCard(view({ status }), context).blocks)).toBe(0);
    }
    expect(buttons(reviewCard(view(), { ...context, now: later(86_400) }).blocks)).toBe(0);
  });

  describe('of a request whose approvals are signed', () => {
    const world: World = {
      ...{ text: 'x', other: 'y', targets: 1, idLength: 8, status: 'pending', audience: 'reviewer' },
      ...{ keys: 1, sessions: 1, channels: 0 },
    };
    const base = requestView(world);
    const [reader] = base.engagement.reviewerIds;
    if (!reader) throw new Error('no reviewer');
    const shown = (change: object, card: object = {}) => {
      const view = { ...base, request: { ...base.request, assurance: 'signed' as const, ...change } } as RequestView;
      const { requestedAt: now } = view.request;
      return checkMessage(
        reviewCard(view, {
          ...{ inventory: inventory(world), audience: 'reviewer', now, userId: null, reader, gateway: GATEWAY },
          ...card,
        }),
      ).join('\n');
    };
    const pledges = [{ reviewerId: reader, at: base.request.requestedAt }];
    const command = `ssh ${approvalName(base.request)}@ssh.example.com -p 2222`;
    const LAPSED = /Your approval lapsed/;

    it('says what it takes, and where a FIDO key is wanted', () => {
      expect(shown({})).toContain('Needs a signature with the reviewer’s key');
      expect(shown({ assurance: 'fido' })).toContain('Needs a signature with the reviewer’s FIDO key');
      expect(shown({ assurance: 'slack' })).not.toContain('Needs a signature');
    });

    it('shows the command to who pressed Approve, for as long as it can be signed, and nobody else', () => {
      const later = (seconds: number) => new Date(base.request.requestedAt.getTime() + seconds * 1_000);
      expect(shown({ pledges })).toContain(command);
      expect(shown({ pledges }, { now: later(899) })).toContain(command);
      expect(shown({ pledges }, { now: later(900) })).not.toContain(command);
      expect(shown({ pledges }, { now: later(900) })).toMatch(LAPSED);
      for (const other of [null, base.request.ask.personId]) {
        expect(shown({ pledges }, { reader: other })).not.toContain(command);
        expect(shown({ pledges }, { reader: other, now: later(900) })).not.toMatch(LAPSED);
      }
    });

    it('names who signed and with which key, and counts no click', () => {
      const click = { reviewerId: reader, verdict: 'approve', comment: null, at: base.request.requestedAt };
      const signature = {
        ...{ fingerprint: fingerprint(1), publicKey: 'ssh-ed25519 AAAA', at: click.at },
        ...{ signed: new Uint8Array(), signature: new Uint8Array() },
      };
      const two = { approvals: 2, reviews: [{ ...click, signature }] };
      expect(shown(two)).toMatch(/Approved by .* \(signed with key SHA256:A{12}\), 1 more needed/);
      expect(shown({ ...two, reviews: [click] })).not.toContain('more needed');
    });
  });

  it('keeps a reviewer’s remark from the thread', () => {
    const world: World = {
      text: 'Vendor',
      other: 'they broke it last time',
      targets: 1,
      idLength: 8,
      status: 'denied',
      audience: 'reviewer',
      keys: 1,
      sessions: 1,
      channels: 0,
    };
    const view = requestView(world);
    const about = { ...view, request: { ...view.request, ask: { ...view.request.ask, reason: 'fix' } } };
    const shown = (audience: CardAudience) =>
      checkMessage(
        reviewCard(about, {
          ...{ inventory: inventory(world), audience, now: NOON, userId: null, reader: null, gateway: GATEWAY },
        }),
      ).join('\n');
    expect(shown('reviewer')).toContain('they broke it last time');
    expect(shown('thread')).not.toContain('they broke it last time');
  });
});

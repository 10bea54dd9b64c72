import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/access/grant.ts';
import type { SessionId } from '../../../../src/access/ids.ts';
import type { Gateways, Watcher } from '../../../../src/use-cases/ports/gateways.ts';
import { recordSessionClosed } from '../../../../src/use-cases/sessions/record-session.ts';
import { watchSession } from '../../../../src/use-cases/sessions/watch-session.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { sessionId } from '../../../support/worlds/world.ts';

const ROOT = { account: 'root' };
const OPERATOR = { kind: 'operator', account: 'root' } as const;

describe('who looks on at a session', () => {
  let world: GrantedWorld;
  let grant: Grant;
  let id: SessionId;
  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    grant = await world.grant();
    id = await world.session(1, grant);
    await world.traces();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const watch = async (of = id, isCarried = true) => {
    const watchers: Watcher[] = [];
    let stopped = 0;
    const gateways: Pick<Gateways, 'watch'> = {
      watch: (_, watcher) => {
        watchers.push(watcher);
        if (!isCarried) return null;
        return () => {
          stopped += 1;
        };
      },
    };
    const watching = await watchSession({ ...world.deps, gateways })(ROOT, of, { see: () => {}, over: () => {} });
    return { watching, told: watchers.map(({ isTold }) => isTold), stopped: () => stopped };
  };

  it('is written down, and the person is told of', async () => {
    const { watching, told, stopped } = await watch();
    expect(watching).toMatchObject({ ok: true, value: { isTold: true } });
    expect(told).toEqual([true]);
    granted(watching).stop();
    expect(stopped()).toBe(1);
    const facts = { session: id, grant: grant.id, person: world.contractor.id, told: true };
    expect(await world.traces()).toEqual({
      events: [{ type: 'session_watched', actor: OPERATOR, facts }],
      notices: [],
    });
  });

  it('sees nothing of what is over, or is no session', async () => {
    expect(await watch(sessionId(9))).toMatchObject({
      watching: { rejection: { code: 'unknown_session' } },
      told: [],
    });
    expect((await watch(id, false)).watching).toEqual({
      ok: false,
      rejection: { code: 'session_already_ended', at: world.now },
    });
    await world.traces();
    const at = world.now;
    const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
    await recordSessionClosed(world.deps)(id, report, { kind: 'none' });
    await world.traces();
    world.now = world.later(60);
    expect(await watch()).toMatchObject({ watching: { rejection: { code: 'session_already_ended', at } }, told: [] });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });
});

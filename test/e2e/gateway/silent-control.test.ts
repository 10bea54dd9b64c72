import { afterEach, beforeEach, expect, it } from 'vitest';
import { ssh, WAYS } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** How long a worker waits for an answer of control, and what a slow machine adds. */
const ANSWER_MS = 15_000;
const SLOW_MS = 6_000;

let world: GatewayWorld;
beforeEach(async () => {
  world = await GatewayWorld.start();
});
afterEach(() => world?.[Symbol.asyncDispose]());

const timed = async (args: readonly string[]) => {
  const start = performance.now();
  const outcome = await ssh(world, args);
  return { ...outcome, ms: performance.now() - start };
};

it('a control that does not answer is not waited for, and a session that it allows too late does not begin', async () => {
  const { control } = world;
  const decide = control.authorize.bind(control);
  const serve = control.serve.bind(control);
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  control.authorize = async (ask) => {
    if (ask.route.kind !== 'jump') await answered;
    return decide(ask);
  };
  control.serve = async (caller, ask) => {
    await answered;
    return serve(caller, ask);
  };
  const [asked, ...logins] = await Promise.all(['gateway', ...WAYS].map((way) => timed([way, 'list'])));
  expect(asked).toMatchObject({ code: 1, stdout: '' });
  expect(asked?.stderr).toContain('daypass: Daypass did not answer in time. Try again in a minute.');
  for (const { code, stderr } of logins) {
    expect(code).toBe(255);
    expect(stderr).toContain('daypass: Daypass did not decide in time. Connect again in a minute.');
  }
  for (const outcome of [asked, ...logins]) {
    expect(outcome?.ms).toBeGreaterThan(ANSWER_MS - 1_000);
    expect(outcome?.ms).toBeLessThan(ANSWER_MS + SLOW_MS);
  }
  answer();
  // To control they live from its answer on.
  for (const n of [0, 1])
    expect(await control.endingOf(await control.session(n))).toEqual({ how: 'failed', why: 'login_abandoned' });
  expect(control.opened_).toEqual([]);
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
});

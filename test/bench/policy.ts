import { askable } from '../../src/access/askable.ts';
import { EngagementId } from '../../src/access/ids.ts';
import { STANDINGS } from '../../src/access/person.ts';
import { Policy, scopesOf } from '../../src/access/policy.ts';
import { decide, type PolicyAsk } from '../../src/access/policy-decision.ts';
import { lintPolicy } from '../../src/access/policy-lint.ts';
import { Target } from '../../src/access/target.ts';
import { type Figure, limited, type Options, percentile } from './figures.ts';

const TARGETS = 500;
const ASKED = 50;
const ENGAGEMENTS = 200;
const RULES = { decided: 200, checked: 300 };
const DECISION_MS = 5;
const CHECK_MS = 1_000;
/** What stands in a form has to be worked out at each choice in it. */
const ASKABLE_MS = 500;

const ENVIRONMENTS = ['production', 'staging', 'test', 'development'];
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'];
/** A Wednesday at noon, in the hours of each rule. */
const NOON = new Date('2030-05-08T12:00:00Z');

const targetId = (n: number): string => `host-${String(n).padStart(3, '0')}`;
const vendor = (n: number): string => `Vendor ${n % 60}`;
const engagementId = (n: number): EngagementId =>
  EngagementId.parse(`5f0c2f0e-6f0a-4b0e-9c51-${String(n).padStart(12, '0')}`);

const targets = Array.from({ length: TARGETS }, (_, n) =>
  Target.parse({
    ...{ id: targetId(n), name: `Host ${n}`, address: `10.0.${n >> 8}.${n & 255}`, host_keys: ['ssh-ed25519 AAAA'] },
    labels: { env: ENVIRONMENTS[n % ENVIRONMENTS.length], team: `team-${n % 20}`, rack: `rack-${n % 50}` },
    logins: ['deploy', 'root', `app${n % 7}`],
  }),
);

/** Of each kind as many; the last one is for what is left, so that much is looked at by all. */
function policyOf(rules: number): Policy {
  const kinds = [
    (n: number) => ({
      labels: { env: ENVIRONMENTS[n % ENVIRONMENTS.length], team: `team-${n % 20}`, rack: `rack-${n % 50}` },
    }),
    (n: number) => ({ targets: [targetId(n % TARGETS), targetId((n * 7) % TARGETS)], people: ['guest'] }),
    (n: number) => ({ vendors: [vendor(n), vendor(n + 1)], labels: { rack: `rack-${n % 50}` } }),
    (n: number) => ({ engagements: [engagementId(n % ENGAGEMENTS)], logins: ['root'] }),
  ];
  const hours = { zone: 'Europe/Berlin', allow: [{ days: WEEKDAYS, from: '06:00', to: '20:00' }] };
  const all = Array.from({ length: rules - 1 }, (_, n) => ({
    ...{ name: `rule ${n}`, approvals: 1 + (n % 2), max_duration: 'PT8H', hours },
    ...kinds[n % kinds.length]?.(n),
  }));
  return Policy.parse({ rules: [...all, { name: 'whatever is left', hours }] });
}

/** A different request each time, so that none is answered from what the last one left behind. */
function askOf(policy: Policy, n: number): PolicyAsk {
  const scopes = scopesOf(policy);
  const [scope, standing] = [scopes[n % scopes.length], STANDINGS[n % STANDINGS.length]];
  const asked = Array.from({ length: ASKED }, (_, each) => targets[(n * 31 + each * 7) % TARGETS]);
  const [login] = targets[0]?.logins ?? [];
  if (!scope || !standing || !login) throw new Error('a policy has scopes, and a target logins');
  return {
    ...{ scope: scope.name, login, standing, durationSeconds: 3_600, ticket: null, at: NOON },
    targets: asked.filter((target) => target !== undefined),
    engagement: { id: engagementId(n % ENGAGEMENTS), vendor: vendor(n) },
  };
}

const timed = (work: () => unknown): number => {
  const begun = performance.now();
  work();
  return performance.now() - begun;
};

/** Deciding about a request, and looking through a policy for mistakes. */
export async function policy({ isQuick }: Options): Promise<Figure[]> {
  const decided = policyOf(RULES.decided);
  const times = Array.from({ length: isQuick ? 500 : 5_000 }, (_, n) => {
    const ask = askOf(decided, n);
    return timed(() => {
      if (!decide(decided, ask).allowed) throw new Error('the request was refused');
    });
  });
  const checked = policyOf(RULES.checked);
  const check = timed(() => lintPolicy(checked, scopesOf(checked), targets));
  const scopes = scopesOf(decided);
  const engagement = {
    ...{ id: engagementId(1), vendor: vendor(1), targetIds: targets.map(({ id }) => id) },
    scopes: scopes.map(({ name }) => name),
    ...{ logins: null, firstDay: null, lastDay: '2030-12-31', timeZone: 'UTC', closedAt: null },
  };
  const asked = timed(() => {
    const can = askable({ policy: decided, scopes, targets }, { requester: { standing: 'guest' }, engagement }, NOON);
    if (can.targets.length === 0) throw new Error('nothing can be asked for');
  });
  return [
    limited('policy: a decision about 50 of 500 targets, p99', percentile(times, 0.99), DECISION_MS, 'ms', '<'),
    limited('policy: a check of 300 rules and 500 targets', check, CHECK_MS, 'ms', '<'),
    limited('policy: what can be asked for in an engagement of 500 targets', asked, ASKABLE_MS, 'ms', '<'),
  ];
}

import { isDeepStrictEqual } from 'node:util';
import type { Target } from '../access/target.ts';
import type { Config } from './load.ts';

/** What a reload of the configuration did, as sentences' ends: `targets: web-02 is new`. */
export type ConfigChanges = {
  readonly applied: readonly string[];
  /** Settings that differ in the files, and that only a start reads. */
  readonly atNextStart: readonly string[];
};

/** Settings that a running control takes over; the rest of daypass.yml waits for the next start. */
const LIVE = new Set(['slack.security_channel', 'slack.security_users']);

/** Compares what runs with what was read. */
export function configChanges(before: Config, after: Config): ConfigChanges {
  const settings = changedSettings(before, after);
  return {
    applied: [
      ...targetChanges(before.targets, after.targets),
      ...policyChanges(before, after),
      ...settings.filter((path) => LIVE.has(path)).map((path) => `${path} changed`),
    ],
    atNextStart: settings.filter((path) => !LIVE.has(path)),
  };
}

function targetChanges(before: readonly Target[], after: readonly Target[]): string[] {
  const old = new Map(before.map((target) => [target.id, target]));
  const now = new Set(after.map((target) => target.id));
  return [
    ...after.flatMap((target) => {
      const was = old.get(target.id);
      if (!was) return [`targets: ${target.id} is new`];
      const fields = differing(was, target);
      return fields.length === 0 ? [] : [`targets: ${target.id}: ${fields.join(', ')} changed`];
    }),
    ...before.filter((target) => !now.has(target.id)).map((target) => `targets: ${target.id} was removed`),
  ];
}

const policyChanges = (before: Config, after: Config): string[] =>
  differing(before.policy, after.policy).map((part) => `policy: ${part} changed`);

function changedSettings(before: Config, after: Config): string[] {
  const flat = ({ site, dataDir, gateway, slack, recordings, events, reload }: Config): Map<string, unknown> =>
    new Map([
      ...Object.entries({ site, data_dir: dataDir, events, reload }),
      ...Object.entries({ gateway, slack, recordings }).flatMap(([section, values]) =>
        Object.entries(values).map(([name, value]): [string, unknown] => [`${section}.${name}`, value]),
      ),
    ]);
  const [was, is] = [flat(before), flat(after)];
  return [...new Set([...was.keys(), ...is.keys()])].filter((path) => !isDeepStrictEqual(was.get(path), is.get(path)));
}

const differing = (before: object, after: object): string[] => {
  const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...was.keys(), ...is.keys()])].filter((key) => !isDeepStrictEqual(was.get(key), is.get(key)));
};

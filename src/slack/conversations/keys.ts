import { Fingerprint } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import { listKeys, retireKey } from '../../use-cases/people/retire-key.ts';
import type { Asker, Edge } from '../edge.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, type Block, button, context, section } from '../words/blocks.ts';
import { line, mono, own, strong } from '../words/line.ts';
import { type Answer, refusal, say } from './answer.ts';

/** Each takes two of a message's fifty blocks. */
const SHOWN_MAX = 10;

/** A person's keys and other people's keys that they may retire, each with its button. `find` is part of a name or a fingerprint. */
export async function keysAnswer(edge: Edge, asker: Asker, find: string | null = null): Promise<Answer> {
  const { mine, others } = await listKeys(edge)({ personId: asker.person.id, isSecurity: asker.isSecurity, find });
  const ours = mine.slice(0, SHOWN_MAX).flatMap((key) => keyBlocks(key, null));
  const theirs = others.slice(0, SHOWN_MAX).flatMap(({ key, owner }) => keyBlocks(key, owner));
  return {
    text: 'SSH keys',
    blocks: [
      ...(ours.length > 0
        ? [section(line`*Your keys*`), ...ours, ...moreOf(mine)]
        : [section(line`You have no SSH key registered.`)]),
      ...(theirs.length > 0 ? [section(line`*Other people’s keys that you can retire*`), ...theirs] : []),
      ...(theirs.length === 0 && find !== null
        ? [section(line`No other person’s key matches ${mono(find, 80)}.`)]
        : []),
      ...moreOf(others),
      actions('keys', [button({ action: ACTION.showKey, label: 'Register a key' })]),
      context(line`A retired key stops working immediately and cannot be registered again.`),
    ],
  };
}

const moreOf = (keys: readonly unknown[]): Block[] =>
  keys.length <= SHOWN_MAX
    ? []
    : [
        context(
          line`Showing ${own(`${SHOWN_MAX} of ${keys.length}`)}. To find others, run \`/access keys\` with part of a name or fingerprint.`,
        ),
      ];

const keyBlocks = (key: RegisteredKey, owner: string | null): Block[] => [
  section(
    line`${owner === null ? [] : line`${strong(owner, 80)}: `}${mono(key.fingerprint, 70)} (${mono(key.publicKey.split(' ')[0] ?? '', 50)}), registered ${key.registeredAt}`,
  ),
  actions(`key_${key.fingerprint}`, [
    button({
      action: `${ACTION.retireKey}:${key.fingerprint}`,
      label: 'Retire',
      value: key.fingerprint,
      style: 'danger',
      confirm: {
        title: 'Retire this key?',
        text: 'It stops working immediately, and its live sessions end. This cannot be undone, and the key cannot be registered again.',
        yes: 'Retire',
      },
    }),
  ]),
];

/** Retires a key by its whole fingerprint. */
export async function retireAnswer(edge: Edge, asker: Asker, value: string | undefined): Promise<Answer> {
  const fingerprint = Fingerprint.safeParse(value);
  if (!fingerprint.success) return refusal(edge, { code: 'may_not_retire_key' });
  const { person, isSecurity } = asker;
  const retired = await retireKey(edge)({ by: person.id, fingerprint: fingerprint.data, isSecurity });
  if (!retired.ok) return refusal(edge, retired.rejection);
  return say(`Done: the key ${retired.value.fingerprint} is retired. Its live sessions are being terminated.`);
}

import type { Engagement } from '../../access/engagement.ts';
import { EngagementId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import { offeredDurations } from '../../access/policy.ts';
import type { Rejection } from '../../access/rejection.ts';
import { ASK_LIMITS, type Ask } from '../../access/request.ts';
import { findScope } from '../../access/scopes/scope.ts';
import type { Target } from '../../access/target.ts';
import type { Inventory } from '../../use-cases/ports/inventory.ts';
import type { RequestAccessInput } from '../../use-cases/requests/request-access.ts';
import { ACTION, CALLBACK, TARGETS_MENU } from '../words/action-ids.ts';
import {
  actions,
  type Block,
  button,
  context,
  input,
  LIMITS,
  option,
  plainText,
  section,
  textModal,
  type View,
} from '../words/blocks.ts';
import { line } from '../words/line.ts';
import { plain } from '../words/text.ts';
import { duration } from '../words/units.ts';
import { fieldsOf, type ViewPayload } from './payloads.ts';

export type RequestForm = {
  readonly engagements: readonly Engagement[];
  readonly chosen: Engagement | null;
  /** Of the person who asks, the newest last. */
  readonly keys: readonly RegisteredKey[];
  /** Filled in as it was asked for before: for more time while it lives, and otherwise for the same again. */
  readonly like?: { readonly ask: Ask; readonly isLive: boolean } | undefined;
  readonly inventory: Pick<Inventory, 'targets' | 'policy' | 'scopes'>;
};

const PERSONAL_HOUR = 3_600;

export const targetOption = (target: Pick<Target, 'id' | 'name'>) =>
  option(target.id === target.name ? target.id : `${target.id} · ${target.name}`, target.id);

/** A searchable menu of targets; a long list asks back while somebody types, because a menu holds a hundred options. */
export const targetsElement = (targets: readonly Target[], menu: string, chosen: readonly Target[] = []) => {
  const common = {
    action_id: menu,
    max_selected_items: ASK_LIMITS.targets,
    ...(chosen.length === 0 ? {} : { initial_options: chosen.slice(0, ASK_LIMITS.targets).map(targetOption) }),
  };
  return targets.length > LIMITS.options
    ? ({
        type: 'multi_external_select',
        ...common,
        min_query_length: 0,
        placeholder: plainText('Type to search targets', 150),
      } as const)
    : ({
        type: 'multi_static_select',
        ...common,
        options: targets.map(targetOption),
        placeholder: plainText('Choose or search targets', 150),
      } as const);
};

/** Targets whose id or name holds what was typed. */
export const matchingTargets = (targets: readonly Target[], typed: string): readonly Target[] => {
  const wanted = typed.trim().toLowerCase();
  const hit = (target: Target) => target.id.includes(wanted) || target.name.toLowerCase().includes(wanted);
  return targets.filter(hit).slice(0, LIMITS.options);
};

export const targetsOf = (engagement: Engagement, inventory: Pick<Inventory, 'targets'>): readonly Target[] =>
  inventory.targets.filter((target) => engagement.targetIds.includes(target.id));

type Choice = ReturnType<typeof option>;
const select = (actionId: string, placeholder: string, options: readonly Choice[], initial?: Choice) =>
  ({
    type: 'static_select',
    action_id: actionId,
    placeholder: plainText(placeholder, 150),
    options: options.slice(0, LIMITS.options),
    ...(initial === undefined ? {} : { initial_option: initial }),
  }) as const;

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);
const valued = (choices: readonly Choice[], value: string | undefined): Choice | undefined =>
  choices.find((each) => each.value === value);

const textInput = (field: string, longest: number, initial: string | null | undefined) =>
  ({
    type: 'plain_text_input',
    action_id: field,
    max_length: longest,
    ...(initial ? { initial_value: initial.slice(0, longest) } : {}),
  }) as const;

/** The request form. Menus that depend on the engagement have it in their action id, so choosing another engagement empties them. */
export function requestForm({ engagements, chosen, inventory, keys, like }: RequestForm): View {
  const choices = engagements.slice(-LIMITS.options).map((each) => option(each.name, each.id));
  const picked = valued(choices, chosen?.id);
  return {
    type: 'modal',
    callback_id: CALLBACK.request,
    private_metadata: JSON.stringify({ engagementId: chosen?.id ?? null }),
    title: plainText(like?.isLive ? 'Extend access' : 'Request access', LIMITS.viewTitle),
    submit: plainText('Send request', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      input({
        field: 'engagement',
        label: 'Engagement',
        dispatch: true,
        element: select(ACTION.pickEngagement, 'Choose the engagement you work in', choices, picked),
      }),
      ...(chosen
        ? dependent(chosen, inventory, keys, like)
        : [section(line`Choose an engagement first. Its targets then appear here.`)]),
    ],
  };
}

function dependent(
  chosen: Engagement,
  inventory: RequestForm['inventory'],
  keys: RequestForm['keys'],
  given: RequestForm['like'],
): Block[] {
  const like = given?.ask;
  const targets = targetsOf(chosen, inventory);
  if (targets.length === 0)
    return [
      section(line`None of this engagement’s targets are in the inventory any more. Tell the person who opened it.`),
    ];
  const logins = [...new Set(targets.flatMap((target) => target.logins))].map((login) => option(login, login));
  const scopes = chosen.scopes.flatMap((name) => findScope(inventory.scopes, name) ?? []);
  if (scopes.length === 0)
    return [section(line`None of this engagement’s scopes are defined any more. Tell the person who opened it.`)];
  const scopeOptions = scopes.map((scope) => option(`${scope.name}: ${scope.words}`, scope.name));
  const durations = offeredDurations(inventory.policy).map((seconds) => option(duration(seconds), String(seconds)));
  const usual = valued(durations, String(PERSONAL_HOUR)) ?? durations[0];
  const again = targets.filter((target) => like?.targets.some((each) => each.id === target.id));
  return [
    ...(given?.isLive
      ? [context(line`Running sessions continue without reconnecting if the targets, login and scope stay the same.`)]
      : []),
    input({
      field: 'targets',
      label: 'Targets',
      element: targetsElement(targets, `${TARGETS_MENU}:${chosen.id}`, again),
    }),
    input({
      field: 'login',
      label: 'Login',
      hint: 'The account you will use on each of these targets.',
      element: select(`login:${chosen.id}`, 'Choose a login', logins, valued(logins, like?.login) ?? only(logins)),
    }),
    input({
      field: 'scope',
      label: 'Scope',
      element: select(
        `scope:${chosen.id}`,
        'Choose what you need to do',
        scopeOptions,
        valued(scopeOptions, like?.scope.name) ?? only(scopeOptions),
      ),
    }),
    input({
      field: 'duration',
      label: 'Duration, starting at approval',
      element: select('duration', 'Choose a duration', durations, usual),
    }),
    ...keyInput(keys, like),
    input({
      field: 'reason',
      label: 'Why',
      hint: 'Shown to reviewers and in the engagement’s thread. Do not include secrets.',
      element: { ...textInput('reason', ASK_LIMITS.reason, like?.reason), multiline: true },
    }),
    input({
      field: 'ticket',
      label: 'Ticket',
      optional: true,
      element: textInput('ticket', ASK_LIMITS.ticket, like?.ticket),
    }),
  ];
}

/** Which keys to request access for, where there is a choice: the newest, or the ones that had the access before. */
function keyInput(keys: RequestForm['keys'], like: Ask | undefined): Block[] {
  if (keys.length < 2) return [];
  const label = ({ fingerprint, publicKey }: RegisteredKey): string =>
    `${(publicKey.split(' ')[0] ?? '').replace('@openssh.com', '')} ${fingerprint}`;
  const newestFirst = keys.toReversed().slice(0, LIMITS.options);
  const asBefore = newestFirst.filter((key) => like?.keyFingerprints.includes(key.fingerprint));
  const chosen = asBefore.length > 0 ? asBefore : newestFirst.slice(0, 1);
  const asOption = (key: RegisteredKey) => option(label(key), key.fingerprint);
  return [
    input({
      field: 'key',
      label: 'Key',
      hint: 'Access is for these keys only.',
      element: {
        type: 'multi_static_select',
        action_id: 'key',
        options: newestFirst.map(asOption),
        initial_options: chosen.map(asOption),
      },
    }),
  ];
}

/** What was filled in; checking it is the use-case's. */
export function readRequest(view: ViewPayload): Omit<RequestAccessInput, 'by'> | null {
  const field = fieldsOf(view);
  const engagementId = EngagementId.safeParse(field('engagement')[0]);
  if (!engagementId.success) return null;
  return {
    engagementId: engagementId.data,
    targetIds: field('targets'),
    login: field('login')[0] ?? '',
    scope: field('scope')[0] ?? '',
    durationSeconds: Number(field('duration')[0] ?? 0),
    reason: field('reason')[0] ?? '',
    ticket: field('ticket')[0] ?? null,
    keys: field('key'),
  };
}

/** Without a key, no certificate can be issued. */
export const noKeyView = (): View =>
  textModal('Register a key first', [
    section(
      line`Access is granted to an SSH key, and you have not registered one yet. Press the button to get a one-time code. A single ssh command then registers your key. After that, open this form again.`,
    ),
    actions('no_key', [button({ action: ACTION.showKey, label: 'Show my one-time code', style: 'primary' })]),
  ]);

export const noEngagementView = (): View =>
  textModal('Request access', [
    section(
      line`You request access within an engagement, and you are not a member of an open one. Ask the colleague you work with to run \`/access engagement new\` or to add you.`,
    ),
  ]);

/** Puts a refusal's sentence at its field, or, where the form has no such field, at the last one it has. */
export function errorAt(view: ViewPayload, rejection: Rejection, sentence: string): Readonly<Record<string, string>> {
  const blocks = Object.keys(view.state?.values ?? {});
  const own = 'field' in rejection && blocks.includes(rejection.field) ? rejection.field : blocks.at(-1);
  return own === undefined ? {} : { [own]: plain(sentence, 2_000) };
}

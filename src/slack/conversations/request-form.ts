import type { Askable } from '../../access/askable.ts';
import type { Engagement } from '../../access/engagement.ts';
import type { RequestId } from '../../access/ids.ts';
import type { RegisteredKey } from '../../access/person.ts';
import type { Rejection } from '../../access/rejection.ts';
import { ASK_LIMITS } from '../../access/request.ts';
import type { Target } from '../../access/target.ts';
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
import { type Line, line, strong } from '../words/line.ts';
import { plain } from '../words/text.ts';
import { duration } from '../words/units.ts';
import { type About, type Filled, lengths, type Purpose } from './filled.ts';
import type { ViewPayload } from './payloads.ts';

const TITLES: Readonly<Record<Purpose, string>> = {
  request: 'Request access',
  extend: 'Extend access',
  edit: 'Change your request',
};

const HINTS: Readonly<Record<Purpose, readonly Line[]>> = {
  request: [],
  extend: [line`Running sessions continue without reconnecting if the targets, login and scope stay the same.`],
  edit: [
    line`Sending this withdraws the request as it was. Its reviewers are asked anew, and reviews so far no longer count.`,
  ],
};

export type RequestForm = {
  readonly purpose: Purpose;
  readonly replaces: RequestId | null;
  /** What is to be said first, such as which word was not understood. */
  readonly notes: readonly Line[];
  readonly engagements: readonly Engagement[];
  readonly chosen: {
    readonly engagement: Engagement;
    readonly can: Askable;
    /** The name of who opened it. */
    readonly opener: string;
    readonly filled: Filled;
    /** What would become of it as it stands. */
    readonly preview: readonly Block[];
  } | null;
  /** Of the person who asks, the newest last. */
  readonly keys: readonly RegisteredKey[];
};

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

type Choice = ReturnType<typeof option>;
const select = (actionId: string, placeholder: string, options: readonly Choice[], initial?: Choice) =>
  ({
    type: 'static_select',
    action_id: actionId,
    placeholder: plainText(placeholder, 150),
    options: options.slice(0, LIMITS.options),
    ...(initial === undefined ? {} : { initial_option: initial }),
  }) as const;

const valued = (choices: readonly Choice[], value: string | null | undefined): Choice | undefined =>
  choices.find((each) => each.value === value);

const textInput = (field: string, longest: number, initial: string | null | undefined) =>
  ({
    type: 'plain_text_input',
    action_id: field,
    max_length: longest,
    ...(initial ? { initial_value: initial.slice(0, longest) } : {}),
  }) as const;

/**
 * The request form. What depends on the engagement has it in its action id, so choosing another engagement fills it anew. It offers what
 * policy allows; the use-case checks what is sent all the same.
 */
export function requestForm({ purpose, replaces, notes, engagements, chosen, keys }: RequestForm): View {
  const choices = engagements.slice(-LIMITS.options).map((each) => option(each.name, each.id));
  const picked = valued(choices, chosen?.engagement.id);
  return {
    type: 'modal',
    callback_id: CALLBACK.request,
    private_metadata: JSON.stringify({
      purpose,
      replaces,
      engagementId: chosen?.engagement.id ?? null,
    } satisfies About),
    title: plainText(TITLES[purpose], LIMITS.viewTitle),
    submit: plainText('Send request', LIMITS.viewTitle),
    close: plainText('Cancel', LIMITS.viewTitle),
    blocks: [
      ...(notes.length > 0 ? [section(line`*Nothing was sent yet.* Complete the form below.`, ...notes)] : []),
      input({
        field: 'engagement',
        label: 'Engagement',
        dispatch: true,
        element: select(ACTION.pickEngagement, 'Choose the engagement you work in', choices, picked),
      }),
      ...(chosen
        ? dependent(chosen, keys, purpose)
        : [section(line`Choose an engagement first. Its targets then appear here.`)]),
    ],
  };
}

type Chosen = NonNullable<RequestForm['chosen']>;

function dependent(
  { engagement, can, opener, filled, preview }: Chosen,
  keys: RequestForm['keys'],
  purpose: Purpose,
): Block[] {
  if (can.targets.length === 0 && preview.length > 0) return [...preview];
  if (can.targets.length === 0)
    return [
      section(
        line`There is nothing that you can request in this engagement at the moment: its targets are gone, or policy does not allow you any of its scopes on them. Ask ${strong(opener, 80)}, who opened it.`,
      ),
    ];
  const { id } = engagement;
  const logins = can.logins.map((login) => option(login, login));
  const scopes = can.scopes.map((scope) => option(`${scope.name}: ${scope.words}`, scope.name));
  const durations = lengths(can, filled.durationSeconds).map((seconds) => option(duration(seconds), String(seconds)));
  const before = can.targets.filter((target) => filled.targetIds.includes(target.id));
  return [
    ...HINTS[purpose].map((hint) => context(hint)),
    input({
      field: 'targets',
      label: 'Targets',
      dispatch: true,
      element: targetsElement(can.targets, `${TARGETS_MENU}:${id}`, before),
    }),
    input({
      field: 'login',
      label: 'Login',
      hint: 'The account you will use on each of these targets.',
      dispatch: true,
      element: select(`${ACTION.pickLogin}:${id}`, 'Choose a login', logins, valued(logins, filled.login)),
    }),
    input({
      field: 'scope',
      label: 'Scope',
      dispatch: true,
      element: select(`${ACTION.pickScope}:${id}`, 'Choose what you need to do', scopes, valued(scopes, filled.scope)),
    }),
    input({
      field: 'duration',
      label: 'Duration, starting at approval',
      dispatch: true,
      element: select(
        `${ACTION.pickDuration}:${id}`,
        'Choose a duration',
        durations,
        valued(durations, String(filled.durationSeconds)),
      ),
    }),
    ...preview,
    ...keyInput(keys, filled.keys),
    input({
      field: 'reason',
      label: 'Why',
      hint: 'Shown to reviewers and in the engagement’s thread. Do not include secrets.',
      element: { ...textInput('reason', ASK_LIMITS.reason, filled.reason), multiline: true },
    }),
    input({
      field: 'ticket',
      label: 'Ticket',
      optional: true,
      element: textInput(`ticket:${id}`, ASK_LIMITS.ticket, filled.ticket),
    }),
  ];
}

/** Which keys to request access for, where there is a choice: the newest, or the ones that had the access before. */
function keyInput(keys: RequestForm['keys'], before: readonly string[]): Block[] {
  if (keys.length < 2) return [];
  const label = ({ fingerprint, publicKey }: RegisteredKey): string =>
    `${(publicKey.split(' ')[0] ?? '').replace('@openssh.com', '')} ${fingerprint}`;
  const newestFirst = keys.toReversed().slice(0, LIMITS.options);
  const asBefore = newestFirst.filter((key) => before.includes(key.fingerprint));
  const chosen = asBefore.length > 0 ? asBefore : newestFirst.slice(0, 1);
  const asOption = (key: RegisteredKey) => option(label(key), key.fingerprint);
  return [
    input({
      field: 'key',
      label: 'Key',
      hint: 'Access is for these keys only.',
      dispatch: true,
      element: {
        type: 'multi_static_select',
        action_id: ACTION.pickKey,
        options: newestFirst.map(asOption),
        initial_options: chosen.map(asOption),
      },
    }),
  ];
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

import { z } from 'zod';
import { Digest, RequestId } from '../../access/ids.ts';
import { MESSAGE_EVENT } from '../words/message-event.ts';

/** What Slack sends, as far as it is used; anything else about it is not believed to be there. */

const TEXT_MAX = 4_000;
const id = z.string().min(1).max(64);
const Team = z.object({ id }).nullish();
const User = z.object({ id, team_id: id.nullish() });

export const CommandPayload = z.object({
  team_id: id,
  user_id: id,
  channel_id: id,
  text: z.string().max(TEXT_MAX).default(''),
  trigger_id: z.string().min(1),
  response_url: z.url(),
});

const ViewState = z.record(z.string(), z.record(z.string(), z.unknown()));

export const ViewPayload = z.object({
  id,
  type: z.string().default('modal'),
  hash: z.string().optional(),
  callback_id: z.string().default(''),
  private_metadata: z.string().max(3_000).default(''),
  state: z.object({ values: ViewState }).optional(),
});
export type ViewPayload = z.infer<typeof ViewPayload>;

export const ActionPayload = z.object({
  team: Team,
  user: User,
  trigger_id: z.string().min(1),
  response_url: z.url().optional(),
  channel: z.object({ id }).optional(),
  container: z.object({ message_ts: z.string().optional(), channel_id: id.optional() }).loose().optional(),
  message: z
    .object({ thread_ts: z.string().optional(), user: z.string().optional(), metadata: z.unknown().optional() })
    .optional(),
  view: ViewPayload.optional(),
  actions: z
    .array(
      z.object({
        action_id: z.string(),
        action_ts: z.string().optional(),
        value: z.string().max(2_000).optional(),
        selected_option: z.object({ value: z.string() }).nullish(),
      }),
    )
    .min(1)
    .max(25),
});
export type ActionPayload = z.infer<typeof ActionPayload>;

export const SubmissionPayload = z.object({ team: Team, user: User, trigger_id: z.string().min(1), view: ViewPayload });
export type SubmissionPayload = z.infer<typeof SubmissionPayload>;

export const SuggestionPayload = z.object({
  team: Team,
  user: User,
  action_id: z.string(),
  value: z.string().max(TEXT_MAX).default(''),
  view: ViewPayload.optional(),
});

const event = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({ team_id: id, event_id: z.string().min(1), event: z.object(shape) });

export const MessageEvent = event({
  user: id.optional(),
  bot_id: z.string().optional(),
  subtype: z.string().optional(),
  /** Of the person who says it. */
  team: id.optional(),
  user_team: id.optional(),
  channel: id,
  channel_type: z.string().optional(),
  text: z.string().max(40_000).default(''),
  ts: z.string(),
  thread_ts: z.string().optional(),
});
export const HomeEvent = event({ user: id, tab: z.string().optional() });
export const ChannelMovedEvent = event({ old_channel_id: id, new_channel_id: id });
export const RemovalEvent = event({ tokens: z.object({ bot: z.array(id).optional() }).optional() });
/** `user_change` carries a whole user, of which only the id is believed; the others name the user alone, or nobody. */
export const PeopleEvent = event({ user: z.union([id, z.object({ id })]).optional(), channel: id.optional() });

const CardMetadata = z.object({
  event_type: z.literal(MESSAGE_EVENT),
  event_payload: z.object({ key: z.string().max(200) }),
});

/** The key that a message of ours carries where Slack shows its metadata. */
export const messageKeyIn = (metadata: unknown): string | null =>
  CardMetadata.safeParse(metadata).data?.event_payload.key ?? null;

const ButtonValue = z.tuple([RequestId, Digest]);

/** `<request id>:<digest>`, the value of Approve and Deny. */
export function requestButton(value: string | undefined): { requestId: RequestId; digest: Digest } | null {
  const parsed = ButtonValue.safeParse(value?.split(':'));
  return parsed.success ? { requestId: parsed.data[0], digest: parsed.data[1] } : null;
}

/** Null for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const Chosen = z
  .object({
    value: z.string().nullish(),
    selected_option: z.object({ value: z.string() }).nullish(),
    selected_options: z.array(z.object({ value: z.string() })).nullish(),
    selected_user: id.nullish(),
    selected_users: z.array(id).nullish(),
    selected_conversation: id.nullish(),
    selected_date: z.string().nullish(),
  })
  .transform((element): readonly string[] => {
    const one =
      element.value ??
      element.selected_option?.value ??
      element.selected_user ??
      element.selected_conversation ??
      element.selected_date;
    const many = element.selected_users ?? element.selected_options?.map((each) => each.value) ?? [];
    return one === null || one === undefined ? many : [one];
  });

/** What stands in each field of a form, by block id; every block of ours holds one element. */
export function fieldsOf(view: ViewPayload): (field: string) => readonly string[] {
  const values = view.state?.values ?? {};
  return (field) => {
    const [element] = Object.hasOwn(values, field) ? Object.values(values[field] ?? {}) : [];
    const parsed = Chosen.safeParse(element);
    return parsed.success ? parsed.data : [];
  };
}

import type { PersonaState } from './workspace/persona-state.ts';

/** What a persona sees, as its JSON comes over the wire. */
export type Seen = PersonaState;
export type SeenMessage = Seen['channels'][number]['messages'][number]['replies'][number];

const WAIT_MS = 30_000;

export type People = ReturnType<typeof peopleOf>;

/** People of a demo workspace, acting through its persona API and nothing else. */
export function peopleOf(base: string) {
  /** The answer as it is, refused or not. */
  const send = async (path: string, body: unknown) => {
    const response = await fetch(new URL(path, base), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const act = async (name: string, verb: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await send(`/personas/${name}/${verb}`, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${name}: ${verb} returned ${answer.status}: ${String(answer.body['message'])}`);
  };
  const state = async (name: string, after = -1): Promise<Seen> => {
    const response = await fetch(new URL(`/personas/${name}/state?after=${after}`, base));
    if (!response.ok) throw new Error(`${name}: the state returned ${response.status}`);
    return (await response.json()) as Seen;
  };
  const until = async <Found>(
    name: string,
    what: string,
    find: (seen: Seen) => Found | null | undefined,
  ): Promise<Found> => {
    const limit = AbortSignal.timeout(WAIT_MS);
    for (let after = -1; !limit.aborted; ) {
      const seen = await state(name, after);
      const found = find(seen);
      if (found !== null && found !== undefined) return found;
      after = seen.version;
    }
    const last = messagesOf(await state(name))
      .slice(-5)
      .map((message) => message.plain);
    throw new Error(`${name} never saw ${what}. Last seen: ${last.join(' | ').slice(0, 1_500)}`);
  };
  return {
    send,
    act,
    state,
    until,
    /** Waits for the last message that matches, wherever the persona sees it. */
    message: (name: string, says: RegExp): Promise<SeenMessage> =>
      until(name, String(says), (seen) => messagesOf(seen).findLast((message) => says.test(message.plain))),
    download: async (path: string): Promise<string> => {
      const response = await fetch(new URL(path, base));
      if (!response.ok) throw new Error(`${path} returned ${response.status}`);
      return response.text();
    },
  };
}

/** Channels, threads, direct messages, then what only this person sees. */
export const messagesOf = (seen: Seen): SeenMessage[] => [
  ...[...seen.channels, ...seen.direct_messages].flatMap((place) =>
    place.messages.flatMap((message) => [message, ...message.replies]),
  ),
  ...seen.ephemerals,
];

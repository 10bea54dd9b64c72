import type { PersonaState } from '../../src/demo/workspace/persona-state.ts';

/** What a persona sees, as its JSON comes over the wire. */
export type Seen = PersonaState;
type SeenMessage = Seen['channels'][number]['messages'][number]['replies'][number];

const WAIT_MS = 10_000;

/** People of a demo workspace, acting through its persona API. */
export function workspacePeople(base: string) {
  const send = async (path: string, body: unknown) => {
    const response = await fetch(new URL(path, base), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(new URL(path, base));
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };
  const must = async (path: string, body: unknown) => {
    const answer = await send(path, body);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const state = (name: string, after = -1) => get(`/personas/${name}/state?after=${after}`) as Promise<Seen>;

  /** Waits until the persona sees what `find` looks for. */
  const until = async <Found>(name: string, find: (state: Seen) => Found | null | undefined): Promise<Found> => {
    const limit = AbortSignal.timeout(WAIT_MS);
    for (let after = -1; !limit.aborted; ) {
      const seen = await state(name, after);
      const found = find(seen);
      if (found !== null && found !== undefined) return found;
      after = seen.version;
    }
    throw new Error(`${name} did not come to see it: ${JSON.stringify(await state(name)).slice(0, 4_000)}`);
  };

  const messages = (seen: Seen): SeenMessage[] => [
    ...[...seen.channels, ...seen.direct_messages].flatMap((place) =>
      place.messages.flatMap((message) => [message, ...message.replies]),
    ),
    ...seen.ephemerals,
  ];

  return {
    state: (name: string) => state(name),
    until,
    get,
    post: must,
    act: (name: string, verb: string, body: unknown) => must(`/personas/${name}/${verb}`, body),
    try: (name: string, verb: string, body: unknown) => send(`/personas/${name}/${verb}`, body),
    /** The last message that says this, wherever the persona sees it. */
    message: (seen: Seen, says: RegExp) => messages(seen).findLast((message) => says.test(message.plain)),
    download: async (path: string): Promise<string> => {
      const response = await fetch(new URL(path, base));
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return response.text();
    },
  };
}

import { messagesOf, peopleOf } from '../../../src/demo/people.ts';
import type { PersonaState } from '../../../src/demo/workspace/persona-state.ts';

/** What a persona sees, as its JSON comes over the wire. */
export type Seen = PersonaState;

/** People of a demo workspace, acting through its persona API; refused acts can be looked at. */
export function workspacePeople(base: string) {
  const people = peopleOf(base);
  return {
    state: (name: string) => people.state(name),
    until: <Found>(name: string, find: (state: Seen) => Found | null | undefined): Promise<Found> =>
      people.until(name, 'what it waited for', find),
    get: async (path: string): Promise<unknown> => JSON.parse(await people.download(path)),
    post: async (path: string, body: unknown) => {
      const answer = await people.send(path, body);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    act: people.act,
    try: (name: string, verb: string, body: unknown) => people.send(`/personas/${name}/${verb}`, body),
    /** The last message that says this, wherever the persona sees it. */
    message: (seen: Seen, says: RegExp) => messagesOf(seen).findLast((message) => says.test(message.plain)),
    download: people.download,
  };
}

import { toast } from './dom.js';

async function read(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.message ?? response.statusText);
  return body;
}

export const personas = () => read('/personas').then((body) => body.personas);
export const stateOf = (name) => read(`/personas/${name}/state`);
export const optionsFor = (name, blockId, actionId, typed) =>
  read(`/personas/${name}/options?${new URLSearchParams({ block_id: blockId, action_id: actionId, q: typed })}`).then(
    (body) => body.options,
  );

export const recordingOf = (name, id) => read(`/personas/${name}/recordings/${id}`).then((body) => body.casts);

/** Does something as a person. Says what went wrong where `quiet` does not ask for the answer instead. */
export async function act(name, verb, body, quiet = false) {
  const response = await fetch(`/personas/${name}/${verb}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!answer.ok && !quiet) toast(answer.message);
  return answer;
}

/** Calls back after each change of the workspace, and says when it went away. */
export function listen(name, onChange, onLost) {
  const source = new EventSource(`/personas/${name}/events`);
  source.onmessage = onChange;
  source.onerror = onLost;
  return () => source.close();
}

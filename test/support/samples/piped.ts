import type { Gap } from '../../../src/recording/file-log/observe.ts';
import type { FileOperation } from '../../../src/recording/file-log/operation.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { PipeContent } from '../../../src/recording/thread/pipe-content.ts';

/** A channel without a terminal, as it is recorded: what was said in it, and what of that was kept. */

export type Said = readonly ['client' | 'target', Buffer | string];
type Start = { readonly kind: 'exec' | 'subsystem' | 'shell'; readonly command: string | null };

/** A channel that takes bytes, and what was kept so far. Where `overrun` is given nothing may be left out. */
export function pipe(start: Start, overrun: (() => void) | null = null) {
  const kept: { readonly type: number; readonly bytes: Buffer }[] = [];
  const files: FileOperation[] = [];
  const facts: ({ what: string; stream: string } & Gap)[] = [];
  const content = new PipeContent(
    start,
    (type, _micros, payload) => {
      const bytes = Buffer.from(payload);
      if (type === FRAME.file) files.push(JSON.parse(bytes.toString()) as FileOperation);
      else if (type === FRAME.journal) facts.push(JSON.parse(bytes.toString()) as (typeof facts)[number]);
      else kept.push({ type, bytes });
    },
    overrun,
  );
  let micros = 0;
  const say = ([from, bytes]: Said): void => {
    if (from === 'client') content.input(Buffer.from(bytes as string), micros);
    else content.output('stdout', Buffer.from(bytes as string), micros);
    micros += 1;
  };
  const of = (type: number): Buffer => Buffer.concat(kept.flatMap((each) => (each.type === type ? [each.bytes] : [])));
  const keptOf = () => ({ client: of(FRAME.input), target: of(FRAME.stdout) });
  return { ...{ say, files, facts, keptOf }, end: () => content.end(micros) };
}

export function recorded(said: readonly Said[], start: Start) {
  const { say, files, facts, keptOf, end } = pipe(start);
  for (const each of said) say(each);
  const ended = end();
  return { end: ended, files, facts, ...keptOf() };
}

export const all = (said: readonly Said[], side: Said[0]): Buffer =>
  Buffer.concat(said.flatMap(([from, bytes]) => (from === side ? [Buffer.from(bytes as string)] : [])));

/** The same, in pieces. */
export const cutInto = (size: number, said: readonly Said[]): Said[] =>
  said.flatMap(([from, bytes]): Said[] => {
    const whole = Buffer.from(bytes as string);
    return Array.from(
      { length: Math.ceil(whole.length / size) },
      (_, n): Said => [from, whole.subarray(n * size, (n + 1) * size)],
    );
  });

export const SHELL: readonly Said[] = [
  ['client', 'id\n'],
  ['target', 'uid=0(root)\n'],
  ['client', '\0whoami\n'],
  ['target', '\0root\n'],
];
export const exec = (command: string) => ({ kind: 'exec', command }) as const;

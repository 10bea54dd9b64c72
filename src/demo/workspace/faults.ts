import { z } from 'zod';

/**
 * What can go wrong between an app and Slack. `timeout` acts and never answers, `lost` neither acts nor answers, `slow` answers after
 * `ms`, `error` refuses with that error; `method` names a Web API method, and any is meant when it is left out. `lost_answer` loses what
 * the app answers to an event.
 */
export const Fault = z.strictObject({
  kind: z.enum([
    'http_500',
    'timeout',
    'lost',
    'slow',
    'error',
    'rate_limited',
    'duplicate_delivery',
    'lost_answer',
    'replayed_click',
    'disconnect',
  ]),
  method: z.string().max(100).optional(),
  error: z
    .string()
    .regex(/^[a-z_]{1,80}$/)
    .optional(),
  ms: z.int().min(1).max(10_000).optional(),
  times: z.int().min(1).max(10_000).default(1),
});
export type Fault = z.infer<typeof Fault>;
type Kind = Fault['kind'];

const FAULTS_MAX = 100;

export class Faults {
  #left: (Omit<Fault, 'times'> & { left: number })[] = [];

  add({ times, ...fault }: Fault): void {
    if (this.#left.length < FAULTS_MAX) this.#left.push({ ...fault, left: times });
  }

  clear(): void {
    this.#left = [];
  }

  list(): readonly { readonly kind: Kind; readonly method?: string | undefined; readonly left: number }[] {
    return this.#left.map((fault) => ({ ...fault }));
  }

  /** Uses up one fault of these kinds, if one is switched on for this method. */
  take(kinds: readonly Kind[], method: string | null): Omit<Fault, 'times'> | null {
    const found = this.#left.find(
      (fault) => kinds.includes(fault.kind) && (fault.method === undefined || fault.method === method),
    );
    if (!found) return null;
    found.left -= 1;
    if (found.left === 0) this.#left = this.#left.filter((fault) => fault !== found);
    return found;
  }
}

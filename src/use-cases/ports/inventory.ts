import type { TargetId } from '../../access/ids.ts';
import type { Policy } from '../../access/policy.ts';
import type { Scope } from '../../access/scopes/scope.ts';
import type { Target } from '../../access/target.ts';

/**
 * Each part is what the configuration says at the moment it is read; a reload changes all of them at once. A copy (`{ ...inventory }`)
 * keeps that moment: whatever decides something in several steps takes one first, so that one policy decides.
 */
export type Inventory = {
  readonly site: string;
  readonly targets: readonly Target[];
  readonly policy: Policy;
  /** Built-in ones and the operator's own: what can be asked for. */
  readonly scopes: readonly Scope[];
  find(id: TargetId): Target | null;
};

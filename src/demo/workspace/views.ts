import { z } from 'zod';
import { LIMITS, type View } from './blocks.ts';
import { checkView, interactives } from './check.ts';
import type { Core } from './core.ts';
import { SlackError } from './errors.ts';
import { initialValues } from './inputs.ts';
import { flag, id, json, type Method, method } from './method.ts';
import { viewObject } from './objects.ts';
import type { OpenView } from './state.ts';

/** Puts a window on a person's stack. */
export function pushView(core: Core, user: string, view: View, origin: string | null): OpenView {
  const { state } = core;
  const stack = state.modalsOf(user);
  const below = stack.at(-1);
  const viewId = state.nextId('V');
  const open: OpenView = {
    ...{ id: viewId, user, origin, view, notice: null, errors: {} },
    rootId: below?.rootId ?? viewId,
    previousId: below?.id ?? null,
    hash: state.nextHash(),
    values: initialValues(view.blocks, origin, {}),
  };
  stack.push(open);
  state.changed();
  return open;
}

/** Another content for an open view; what the person entered stays where the same field is still there. */
export function replaceView(core: Core, open: OpenView, view: View): void {
  const fieldOf = (of: View, id: string): string | undefined =>
    interactives(of.blocks).find(({ block }) => block.block_id === id)?.element.action_id;
  // What is wrong with a field is said until it holds something else, and it still holds what it did.
  const errors = Object.entries(open.errors).filter(([id]) => {
    const field = fieldOf(view, id);
    return field !== undefined && field === fieldOf(open.view, id);
  });
  Object.assign(open, {
    view,
    hash: core.state.nextHash(),
    values: initialValues(view.blocks, open.origin, open.values),
    errors: Object.fromEntries(errors),
    notice: null,
  });
  core.state.changed();
}

const Opening = z.object({ trigger_id: id, view: json(z.unknown()) });
const MODAL = (given: unknown): View => checkView(given, 'modal');

export const VIEWS: Readonly<Record<string, Method>> = {
  'views.open': method({
    need: null,
    args: Opening,
    run: (core, args) => {
      const view = MODAL(args.view);
      const { user, channel } = core.triggers.exchange(args.trigger_id);
      // Slack shows one app's windows as one stack; a new root takes the place of the old one.
      core.state.modalsOf(user).splice(0);
      return { view: viewObject(core, pushView(core, user, view, channel)) };
    },
  }),
  'views.push': method({
    need: null,
    args: Opening,
    run: (core, args) => {
      const view = MODAL(args.view);
      const { user, channel } = core.triggers.exchange(args.trigger_id);
      if (core.state.modalsOf(user).length >= LIMITS.viewStack) throw new SlackError('push_limit_reached');
      return { view: viewObject(core, pushView(core, user, view, channel)) };
    },
  }),
  'views.update': method({
    need: null,
    args: z.object({
      view_id: id.optional(),
      external_id: id.optional(),
      hash: z.string().optional(),
      view: json(z.unknown()),
    }),
    run: (core, args) => {
      const view = MODAL(args.view);
      const modals = [...core.state.modals.values()].flat();
      const open = modals.find((each) =>
        args.view_id === undefined
          ? args.external_id !== undefined && each.view.external_id === args.external_id
          : each.id === args.view_id,
      );
      if (!open) throw new SlackError('not_found');
      if (args.hash !== undefined && args.hash !== open.hash) throw new SlackError('hash_conflict');
      replaceView(core, open, view);
      return { view: viewObject(core, open) };
    },
  }),
  'views.publish': method({
    need: null,
    args: z.object({
      user_id: id,
      view: json(z.unknown()),
      hash: z.string().optional(),
      include_blocks: flag.optional(),
    }),
    run: (core, args) => {
      const view = checkView(args.view, 'home');
      if (!core.state.user(args.user_id)) throw new SlackError('user_not_found');
      const known = core.state.homes.get(args.user_id);
      if (known && args.hash !== undefined && args.hash !== known.hash) throw new SlackError('hash_conflict');
      if (known) {
        replaceView(core, known, view);
        return { view: viewObject(core, known) };
      }
      const viewId = core.state.nextId('V');
      const home: OpenView = {
        ...{ id: viewId, rootId: viewId, user: args.user_id, previousId: null, origin: null },
        ...{ view, hash: core.state.nextHash(), errors: {}, notice: null },
        values: initialValues(view.blocks, null, {}),
      };
      core.state.homes.set(args.user_id, home);
      core.state.changed();
      return { view: viewObject(core, home) };
    },
  }),
};

import type { Store } from '../ports/store.ts';
import { signReview } from '../requests/sign-review.ts';
import { type AuthorizeDeps, authorizeConnection, type OuterConnections } from './authorize-connection.ts';
import type { GatewayControl, RegistryFeed } from './gateway-control.ts';
import type { RefusalNotes } from './note-refusals.ts';
import { plainLogins } from './plain-logins.ts';
import { recordSessionClosed, recordSessionOpened } from './record-session.ts';
import { type SelfServiceDeps, selfService } from './self-service.ts';

/** What the gateway may ask of control, bound to the store and the keys. */
export function gatewayControl(
  deps: Omit<AuthorizeDeps, 'outer' | 'refused' | 'plainLogins'> &
    SelfServiceDeps & { readonly refusals: RefusalNotes },
): GatewayControl {
  const refused = deps.refusals.note;
  return {
    authorize: authorizeConnection({ ...deps, outer: outerConnections(), refused, plainLogins: plainLogins() }),
    registry: registryFeed(deps),
    serve: selfService(deps),
    sign: signReview(deps),
    opened: recordSessionOpened(deps),
    closed: recordSessionClosed(deps),
    refused,
  };
}

const registryFeed = ({ store }: { readonly store: Store<'keys'> }): RegistryFeed => ({
  all: (max) => store.transaction((tx) => tx.keys.registry(max)),
  follow: (listener) =>
    store.subscribe((change) => {
      if (change.kind === 'registry_changed') listener(change.entry);
    }),
});

const OUTER_MAX = 10_000;

/** The oldest are forgotten first; an inner connection follows its outer one within a login's time. */
function outerConnections(): OuterConnections {
  const known = new Map<string, NonNullable<ReturnType<OuterConnections['find']>>>();
  return {
    remember(sshSessionId, outer) {
      known.set(sshSessionId, outer);
      const [oldest] = known.keys();
      if (known.size > OUTER_MAX && oldest !== undefined) known.delete(oldest);
    },
    find: (sshSessionId) => known.get(sshSessionId) ?? null,
  };
}

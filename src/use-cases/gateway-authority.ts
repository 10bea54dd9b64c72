import { type AuthorizeDeps, authorizeConnection, type OuterConnections } from './authorize-connection.ts';
import type { GatewayControl } from './gateway-control.ts';
import { recordSessionClosed, recordSessionOpened } from './record-session.ts';

/** What the gateway may ask of control, bound to the store and the keys. */
export function gatewayControl(deps: Omit<AuthorizeDeps, 'outer'>): GatewayControl {
  return {
    authorize: authorizeConnection({ ...deps, outer: outerConnections() }),
    opened: recordSessionOpened(deps),
    closed: recordSessionClosed(deps),
  };
}

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

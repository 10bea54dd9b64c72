import type { Fingerprint } from '../access/ids.ts';
import { type AuthorizeDeps, authorizeConnection, type OuterConnections } from './authorize-connection.ts';
import type { GatewayControl } from './gateway-control.ts';
import type { RefusalNotes } from './note-refusals.ts';
import { plainLogins } from './plain-logins.ts';
import { recordSessionClosed, recordSessionOpened } from './record-session.ts';
import { selfService } from './self-service.ts';

/** What the gateway may ask of control, bound to the store and the keys. */
export function gatewayControl(
  deps: Omit<AuthorizeDeps, 'outer' | 'refused' | 'plainLogins'> & { readonly refusals: RefusalNotes },
): GatewayControl {
  const refused = deps.refusals.note;
  return {
    authorize: authorizeConnection({ ...deps, outer: outerConnections(), refused, plainLogins: plainLogins() }),
    isRegistered: isRegistered(deps),
    serve: selfService(deps),
    opened: recordSessionOpened(deps),
    closed: recordSessionClosed(deps),
    refused,
  };
}

const isRegistered =
  ({ store }: Pick<AuthorizeDeps, 'store'>) =>
  (fingerprint: Fingerprint): Promise<boolean> =>
    store.transaction(async (tx) => {
      const key = await tx.keys.byFingerprint(fingerprint);
      if (!key || key.retiredAt) return false;
      const person = await tx.persons.byId(key.personId);
      // Who is in doubt is let as far as the sentence that says so.
      return person?.active ?? false;
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

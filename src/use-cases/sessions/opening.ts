import {
  type AccessAsk,
  type Grant,
  grantedTargets,
  isActive,
  loginsOn,
  type PickRefusal,
  pickGrant,
} from '../../access/grant.ts';
import { Login } from '../../access/ids.ts';
import type { Person } from '../../access/person.ts';
import type { RejectionOf, RestingRejection } from '../../access/rejection.ts';
import { ok, type Result, refuse } from '../../access/result.ts';
import { JUMP_USER } from '../../access/route.ts';
import { pin, type Target, targetIdFromName } from '../../access/target.ts';
import type { Resting } from '../grants/believable.ts';
import type { VerifiedProof } from '../ports/authority.ts';
import type { Inventory } from '../ports/inventory.ts';
import type { AuthorizeAsk, ConnectionRejection } from './gateway-control.ts';

/** A login that is decided: who proved what, and the grants that could open something to them. */
export type Opening = {
  readonly ask: AuthorizeAsk;
  readonly proof: VerifiedProof;
  readonly person: Person;
  readonly grants: readonly Grant[];
  /** Engagements in which nothing opens at the moment. */
  readonly resting: Resting;
  readonly now: Date;
};

/** The grants that are live, and whose engagement does not rest. */
export const awake = ({ grants, resting, now }: Pick<Opening, 'grants' | 'resting' | 'now'>): readonly Grant[] =>
  grants.filter((grant) => isActive(grant, now) && !resting.has(grant.terms.engagementId));

/** Words the absence of a live grant as if for some target: which one makes no difference to the answer. */
export function whyNot({ grants, proof, now }: Opening, targets: readonly Target[]): PickRefusal {
  const [any] = targets;
  const [login] = any?.logins ?? [];
  if (!any || !login) return { code: 'no_live_grant' };
  const ask = { target: pin(any), login, fingerprint: proof.fingerprint, certified: null };
  const picked = pickGrant(grants, ask, now);
  return picked.ok ? { code: 'no_live_grant' } : picked.rejection;
}

/** What an engagement that rests would allow, another may allow all the same; where none does, that it rests is why. */
export function pickAwake(opening: Opening, ask: AccessAsk): Result<Grant, PickRefusal | RestingRejection> {
  const { grants, resting, now } = opening;
  const any = pickGrant(grants, ask, now);
  if (!any.ok) return any;
  const rests = resting.get(any.value.terms.engagementId);
  if (!rests) return any;
  const picked = pickGrant(awake(opening), ask, now);
  return picked.ok ? picked : refuse(rests);
}

/** Inside a jump `daypass` stands for the login that was granted, so that an ssh_config can be written before anything is. */
function loginMeant(opening: Opening, { id: targetId }: Target): Result<Login, RejectionOf<'login_not_granted'>> {
  const { proof, grants, now } = opening;
  const logins = (some: readonly Grant[]) => loginsOn(some, { targetId, fingerprint: proof.fingerprint }, now);
  const open = logins(awake(opening));
  const granted = open.length > 0 ? open : logins(grants);
  const named = Login.parse(JUMP_USER);
  if (granted.includes(named)) return ok(named);
  if (granted.length > 1) return refuse({ code: 'login_not_granted', login: named, granted });
  // Where there is none, what the certificate names leads to the refusal that is nearest.
  const [login = Login.safeParse(proof.certificate?.principals[0]).data ?? named] = granted;
  return ok(login);
}

/** `<login>+<target>` as login name, or the login name inside a jump to the target. */
export function nameOfSession(
  inventory: Inventory,
  opening: Opening,
): Result<{ target: Target; login: Login }, ConnectionRejection> {
  const { ask, proof } = opening;
  const plus = proof.userName.lastIndexOf('+');
  const inner = ask.route.kind === 'inner' ? ask.route.targetName : null;
  const targetName = inner ?? proof.userName.slice(plus + 1);
  const login = Login.safeParse(inner === null ? proof.userName.slice(0, Math.max(plus, 0)) : proof.userName);
  if (!login.success) return refuse({ code: 'bad_login_name', given: proof.userName });
  const id = targetIdFromName(targetName, inventory.site);
  const target = id && inventory.find(id);
  if (target && inner !== null && login.data === JUMP_USER) {
    const meant = loginMeant(opening, target);
    return meant.ok ? ok({ target, login: meant.value }) : meant;
  }
  if (target) return ok({ target, login: login.data });
  return refuse({ code: 'unknown_target_name', given: targetName, granted: grantedTargets(awake(opening)) });
}

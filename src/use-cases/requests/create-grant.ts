import { downstreamCertificate, withAuditHead } from '../../access/certificate.ts';
import { type Engagement, latestEnd } from '../../access/engagement.ts';
import type { Grant, GrantTerms } from '../../access/grant.ts';
import { GrantId } from '../../access/ids.ts';
import { demandOf, withDemand } from '../../access/key-demand.ts';
import type { AccessRequest } from '../../access/request.ts';
import { refreshBeside } from '../grants/ending.ts';
import { extendSessionsIn } from '../grants/extend-sessions.ts';
import { directLane, threadLane } from '../notice.ts';
import type { CertificateAuthority } from '../ports/authority.ts';
import type { RandomSource } from '../ports/random.ts';
import type { Tx } from '../ports/store.ts';

type Deps = {
  readonly random: RandomSource;
  readonly authority: Pick<CertificateAuthority, 'digest' | 'seal' | 'issueDownstream'>;
};

/** The right that the last approval makes, its certificates, and who is told. */
export async function createGrant(
  deps: Deps,
  tx: Tx<'keys' | 'grants' | 'persons' | 'sessions' | 'audit' | 'outbox' | 'announce'>,
  request: AccessRequest,
  { engagement, until }: { readonly engagement: Engagement; readonly until: Date | null },
  now: Date,
): Promise<void> {
  const { ask } = request;
  const notAfter = Math.min(
    now.getTime() + ask.durationSeconds * 1000,
    latestEnd(engagement, now).getTime(),
    until?.getTime() ?? Number.POSITIVE_INFINITY,
  );
  const terms: GrantTerms = {
    requestDigest: request.digest,
    engagementId: ask.engagementId,
    personId: ask.personId,
    targets: ask.targets,
    login: ask.login,
    scope: ask.scope,
    notBefore: now.toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    keyFingerprints: ask.keyFingerprints,
    ...withDemand(demandOf(ask)),
  };
  const id = GrantId.parse(deps.random.uuid());
  const digest = deps.authority.digest(terms);
  const grant: Grant = {
    id,
    requestId: request.id,
    terms,
    digest,
    mac: deps.authority.seal(id, digest),
    end: null,
    expiredAt: null,
  };
  await tx.grants.insert(grant);
  const actor = { kind: 'daypass' } as const;
  const facts = { request: request.id, grant: id, digest, person: ask.personId };
  await tx.audit.append({ type: 'request_approved', at: now, actor, facts });
  await tx.audit.append({ type: 'grant_created', at: now, actor, facts: { ...facts, notAfter: terms.notAfter } });
  const spec = withAuditHead(downstreamCertificate(grant), await tx.audit.head());
  for (const fingerprint of ask.keyFingerprints) {
    const key = await tx.keys.byFingerprint(fingerprint);
    if (!key || key.personId !== ask.personId) throw new Error(`key ${fingerprint} no longer belongs to the requester`);
    const certificate = deps.authority.issueDownstream(key.publicKey, spec);
    await tx.grants.insertCertificate(id, certificate);
    const issued = { grant: id, serial: certificate.serial, keyId: certificate.keyId, fingerprint };
    await tx.audit.append({ type: 'certificate_issued', at: now, actor, facts: issued });
  }
  await extendSessionsIn(tx, grant, now);
  await refreshBeside(tx, grant, now);
  await tx.outbox.enqueue({ kind: 'grant_issued', grantId: id }, directLane(ask.personId));
  await tx.outbox.enqueue({ kind: 'grant_announced', grantId: id }, threadLane(engagement.id));
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId: engagement.id }, threadLane(engagement.id));
}

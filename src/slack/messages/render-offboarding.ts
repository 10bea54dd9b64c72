import type { Notice } from '../../use-cases/notice.ts';
import { viewOffboarding } from '../../use-cases/views/offboarding.ts';
import {
  offboardingCard,
  offboardingDone,
  offboardingLine,
  offboardingResult,
  personReadmittedMessage,
} from './offboarding-messages.ts';
import type { RenderDeps, Rendered } from './render.ts';

type Of<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>;
type OffboardingNotice =
  | Of<'offboarding_line'>
  | Of<'offboarding_card'>
  | Of<'offboarding_done'>
  | Of<'offboarding_result'>;

/** The current message of an offboarding; null where its record is gone, or is not believed. */
export async function offboardingNotice(deps: RenderDeps, notice: OffboardingNotice): Promise<Rendered | null> {
  const view = await viewOffboarding(deps)({ offboardingId: notice.offboardingId });
  if (!view) return null;
  const toSecurity = { kind: 'channel', channelId: deps.security.securityChannel } as const;
  const facts = view.offboarding.completed ? { digest: view.offboarding.completed.digest } : {};
  switch (notice.kind) {
    case 'offboarding_card':
      return { to: toSecurity, ...offboardingCard(view), facts };
    case 'offboarding_result':
      return { to: toSecurity, ...offboardingResult(view), facts };
    case 'offboarding_line':
    case 'offboarding_done': {
      const { engagementId } = notice;
      const to = { kind: 'thread', root: { kind: 'engagement_opened', engagementId } } as const;
      return {
        to,
        ...(notice.kind === 'offboarding_line' ? offboardingLine(view, engagementId) : offboardingDone(view)),
      };
    }
    default:
      return notice satisfies never;
  }
}

export const personReadmitted = (
  { store, security: { securityChannel } }: RenderDeps,
  notice: Of<'person_readmitted'>,
): Promise<Rendered> =>
  store.transaction(async (tx) => {
    const engagement = notice.engagementId && (await tx.engagements.byId(notice.engagementId));
    const message = personReadmittedMessage(notice, await tx.persons.name(notice.personId), engagement?.name ?? null);
    return { to: { kind: 'channel', channelId: securityChannel }, ...message };
  });

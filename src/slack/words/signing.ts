import type { Assurance } from '../../access/assurance.ts';
import type { PersonId } from '../../access/ids.ts';
import type { KeyDemand } from '../../access/key-demand.ts';
import { isPledgeOver, PLEDGE_MINUTES, pledgeEnd } from '../../access/pledge.ts';
import { type AccessRequest, pledgeOf, type Review } from '../../access/request.ts';
import { type Block, paragraph, preformatted, rich, section } from './blocks.ts';
import { approvalCommand, type GatewayFacts } from './gateway-facts.ts';
import { type Line, line, tag } from './line.ts';

/** As much of a fingerprint as people compare. */
export const FINGERPRINT_SHOWN = 'SHA256:'.length + 12;

const NEEDS: Readonly<Record<Assurance, Line[]>> = {
  slack: [],
  signed: [line`Needs a signature with the reviewer’s key`],
  fido: [line`Needs a signature with the reviewer’s FIDO key`],
};

/** What an approval of this request takes beside the click. */
export const needsSignature = ({ assurance }: Pick<AccessRequest, 'assurance'>): readonly Line[] => NEEDS[assurance];

const TAKES: Readonly<Record<KeyDemand, readonly Line[]>> = {
  any: [],
  fido: [line`Each login takes a touch of a FIDO key`],
  fido_verified: [line`Each login takes a touch of a FIDO key, and its PIN or a fingerprint`],
};

/** What every login with this access will take. */
export const loginTakes = (demand: KeyDemand): readonly Line[] => TAKES[demand];

/** Behind the name of who approved. */
export const signedWith = ({ signature }: Review): Line =>
  signature ? line` (signed with key ${tag(signature.fingerprint.slice(0, FINGERPRINT_SHOWN))})` : [];

/** What a reviewer who pressed Approve has yet to do, or did not do in time. */
export function signingBlocks(
  request: AccessRequest,
  { reader, gateway, now }: { readonly reader: PersonId | null; readonly gateway: GatewayFacts; readonly now: Date },
): Block[] {
  const pledge = reader && request.status === 'pending' ? pledgeOf(request, reader) : null;
  if (!pledge) return [];
  const end = pledgeEnd(pledge);
  if (isPledgeOver(pledge, now))
    return [
      section(
        line`:hourglass: *Your approval lapsed* ${end}: it was not signed within ${PLEDGE_MINUTES} minutes. To renew it, press Approve again.`,
      ),
    ];
  return [
    rich(
      paragraph(
        line`:key: *Your approval does not count yet.* Confirm it with your key, within ${PLEDGE_MINUTES} minutes (until ${end}):`,
      ),
      preformatted(approvalCommand(request, gateway)),
      paragraph(
        line`It shows what you approve, and asks you to type yes. If ssh offers another key, add -i with yours.`,
      ),
    ),
  ];
}

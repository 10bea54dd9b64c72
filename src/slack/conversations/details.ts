import { z } from 'zod';
import { GrantId, RequestId, SessionId } from '../../access/ids.ts';
import type { ChannelSummary, Session } from '../../access/session.ts';
import { viewBurst, viewGrant, viewRequest, viewSession } from '../../use-cases/views/views.ts';
import type { Asker, Edge } from '../edge.ts';
import { type Block, bullets, paragraph, preformatted, rich, section, textModal, type View } from '../words/blocks.ts';
import { type Line, line, own, tag } from '../words/line.ts';

const Wanted = z.union([
  z.tuple([z.literal('request'), RequestId]),
  z.tuple([z.literal('grant'), GrantId]),
  z.tuple([z.enum(['session', 'sessions']), SessionId]),
]);

const SESSIONS_MAX = 10;
const CHANNELS_MAX = 20;
/** SHA-256 of no bytes. */
const OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

type Told = { readonly blocks: readonly Block[]; readonly engagement: Readers };
type Readers = {
  readonly channelId: string;
  readonly sponsorId: string;
  readonly memberIds: readonly string[];
  readonly reviewerIds: readonly string[];
};

/** The window behind the button. Null where nothing has that id, or this person may not see it. */
export async function detailsView(
  edge: Edge,
  asker: Asker,
  wanted: string | undefined,
  channelId: string | undefined,
): Promise<View | null> {
  const parsed = Wanted.safeParse(wanted?.split(':'));
  if (!parsed.success) return null;
  const forSecurity = asker.isSecurity || channelId === edge.security.securityChannel;
  const told = await read(edge, parsed.data, forSecurity);
  if (!told) return null;
  const { sponsorId, memberIds, reviewerIds, channelId: home } = told.engagement;
  const known = [sponsorId, ...memberIds, ...reviewerIds].includes(asker.person.id);
  return forSecurity || known || channelId === home ? textModal('Details', told.blocks) : null;
}

async function read(edge: Edge, wanted: z.infer<typeof Wanted>, forSecurity: boolean): Promise<Told | null> {
  switch (wanted[0]) {
    case 'request': {
      const view = await viewRequest(edge)({ requestId: wanted[1] });
      if (!view) return null;
      const { request, engagement, keys } = view;
      const of = [fact('Request', request.id), fact('Digest of what was requested', request.digest)];
      const each = keys
        .slice(0, CHANNELS_MAX)
        .map((key) => fact('Key', `${key.publicKey.split(' ')[0]} ${key.fingerprint}`));
      return { engagement, blocks: [...of, ...each] };
    }
    case 'grant': {
      const view = await viewGrant(edge)({ grantId: wanted[1] });
      if (!view) return null;
      const { grant, request, engagement } = view;
      const of = [
        fact('Access', grant.id),
        fact('Digest of what was approved', grant.digest),
        fact('Request', request.id),
      ];
      return { engagement, blocks: [...of, fact('Keys', grant.terms.keyFingerprints.join('\n'))] };
    }
    case 'session':
    case 'sessions': {
      const view =
        wanted[0] === 'session'
          ? await viewSession(edge)({ sessionId: wanted[1] })
          : await viewBurst(edge)({ burstId: wanted[1] });
      if (!view) return null;
      const shown = view.sessions.slice(-SESSIONS_MAX);
      const blocks = shown.flatMap((session) => ofSession(session, forSecurity && shown.length === 1));
      return { engagement: view.engagement, blocks };
    }
    default:
      return wanted satisfies never;
  }
}

const fact = (label: string, text: string): Block => rich(paragraph(line`*${own(label)}*`), preformatted(text, 2_500));

/** Digests of the data are for security only: the digest of a few bytes gives away the bytes. */
function ofSession(session: Session, whole: boolean): Block[] {
  const { headAtStart, headAtEnd } = session.recording;
  const heads = [
    ...(headAtStart === null ? [] : [`${headAtStart} at the start`]),
    ...(headAtEnd === null ? [] : [`${headAtEnd} at the end`]),
  ];
  return [
    fact('Session', session.id),
    fact('Access', `${session.grantId}\ndigest ${session.grantDigest}`),
    fact('Key', session.keyFingerprint),
    ...(heads.length === 0 ? [] : [fact('Heads of the recording’s hash chain', heads.join('\n'))]),
    ...(whole ? channelDigests(session.ended?.channels ?? []) : []),
  ];
}

function channelDigests(channels: readonly ChannelSummary[]): Block[] {
  if (channels.length === 0) return [];
  const rest = channels.length - CHANNELS_MAX;
  return [
    section(line`*SHA-256 of the data, by channel*`),
    ...channels.slice(0, CHANNELS_MAX).map((channel) => rich(bullets(digestLines(channel)))),
    ...(rest > 0 ? [section(line`and ${rest} more, all in the recording’s manifest`)] : []),
  ];
}

function digestLines({ id, kind, stdinSha256, stdoutSha256, stderrSha256 }: ChannelSummary): Line[] {
  const streams = { stdin: stdinSha256, stdout: stdoutSha256, stderr: stderrSha256 };
  const filled = Object.entries(streams).filter(([, digest]) => digest !== OF_NOTHING);
  const name = line`${id} ${own(kind)}`;
  if (filled.length === 0) return [line`${name}: no data`];
  return filled.map(([stream, digest]) => line`${name} ${own(stream)} ${tag(digest)}`);
}

import { z } from 'zod';
import { PersonId, type RequestId } from '../access/ids.ts';
import type { RequestComment } from '../access/request.ts';
import { instant, read, Timestamp, text } from './rows.ts';
import type { Sealing } from './sealing.ts';
import type { Trx } from './tables.ts';

const CommentRow = z.object({
  ordinal: z.int(),
  person_id: PersonId,
  comment: z.string(),
  commented_at: Timestamp,
  mac: z.string(),
});

const sealedComment = (requestId: RequestId, { at, ...comment }: RequestComment): object => ({
  ...{ requestId, ...comment },
  at: at.toISOString(),
});

/** One whose seal is broken is told of and left out. */
export async function commentsOf(trx: Trx, sealing: Sealing, id: RequestId): Promise<readonly RequestComment[]> {
  const rows = await trx
    .selectFrom('request_comment')
    .selectAll()
    .where('request_id', '=', id)
    .orderBy('ordinal')
    .execute();
  return rows.flatMap((raw) => {
    const row = read(CommentRow, 'request_comment', raw);
    const comment = { ordinal: row.ordinal, by: row.person_id, text: row.comment, at: row.commented_at };
    return sealing.holds('comment', id, sealedComment(id, comment), row.mac) ? [comment] : [];
  });
}

export async function countComments(trx: Trx, id: RequestId): Promise<number> {
  const count = trx.selectFrom('request_comment').select((from) => from.fn.countAll<string>().as('count'));
  return Number((await count.where('request_id', '=', id).executeTakeFirstOrThrow()).count);
}

export async function insertComment(trx: Trx, sealing: Sealing, id: RequestId, given: RequestComment): Promise<void> {
  const comment = { ...given, text: text(given.text) };
  const { ordinal } = comment;
  await trx
    .insertInto('request_comment')
    .values({
      ...{ request_id: id, ordinal, person_id: comment.by, comment: comment.text, commented_at: instant(comment.at) },
      mac: sealing.sealQuietly('comment', sealedComment(id, comment)),
    })
    .execute();
}

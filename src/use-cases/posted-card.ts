import type { Tx } from './ports/store.ts';

/** A message in Slack whose button was pressed. */
export type PressedCard = {
  readonly channelId: string;
  readonly ts: string;
  /** The message key that the card itself carries, as Slack tells it; null where it is not known. */
  readonly key?: string | null | undefined;
};

/**
 * The button has to sit on a card that Daypass posted under one of these message keys. Where an attempt at posting it was never heard
 * of again, the card's own key tells that it is the one; from then on it is known.
 */
export async function isPostedCard(
  tx: Tx<'messages' | 'outbox'>,
  card: PressedCard,
  keys: readonly string[],
): Promise<boolean> {
  const { channelId, ts } = card;
  for (const key of keys) {
    const posted = await tx.messages.get(key);
    if (posted && posted.channelId === channelId && posted.ts === ts) return true;
    if (posted || card.key !== key || !(await tx.outbox.inDoubt(key))) continue;
    await tx.messages.put({ key, channelId, ts });
    return true;
  }
  return false;
}

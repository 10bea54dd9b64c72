import { RESERVE } from '../../access/disk-space.ts';
import type { Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, own, toNotification } from '../words/line.ts';
import { bytes } from '../words/units.ts';

type FreeSpace = Extract<Notice, { kind: 'free_space' }>;
type Message = { readonly text: string; readonly blocks: Block[] };

const MIB = 1024 * 1024;
const MAKE_ROOM = context(
  line`Your Daypass operator needs to free up space on the disk that holds \`data_dir\`, or enlarge it. Nothing has to be restarted.`,
);

/** To security's channel, before contractors meet a refusal. */
export function freeSpaceMessage({ level, freeMiB, minFreeMiB }: FreeSpace): Message {
  const left = own(bytes(freeMiB * MIB));
  const least = own(bytes(minFreeMiB * MIB));
  switch (level) {
    case 'low':
      return message(
        line`:warning: *Space for recordings is running low: ${left} left.* New sessions still start. Below ${least} they do not.`,
        MAKE_ROOM,
      );
    case 'too_little':
      return message(
        line`:no_entry: *No session can start: only ${left} left for recordings*, and ${least} are needed. Live sessions continue until less than ${own(bytes(minFreeMiB * RESERVE * MIB))} is left.`,
        MAKE_ROOM,
      );
    case 'enough':
      return message(
        line`:white_check_mark: *There is enough space for recordings again: ${left} left.* Sessions start as usual.`,
      );
  }
}

const message = (said: Line, ...more: readonly Block[]): Message => ({
  text: toNotification(said),
  blocks: [section(said), ...more],
});

import { RESERVE } from '../access/disk-space.ts';
import type { Notice } from '../use-cases/notice.ts';
import { type Block, context, section } from './blocks.ts';
import { bytes } from './words.ts';

type FreeSpace = Extract<Notice, { kind: 'free_space' }>;
type Message = { readonly text: string; readonly blocks: Block[] };

const MIB = 1024 * 1024;
const MAKE_ROOM = context(
  'Whoever runs Daypass makes room on the disk of `data_dir`, or enlarges it; nothing has to be restarted.',
);

/** To security's channel, before contractors meet a refusal. */
export function freeSpaceMessage({ level, freeMiB, minFreeMiB }: FreeSpace): Message {
  const left = bytes(freeMiB * MIB);
  const least = bytes(minFreeMiB * MIB);
  switch (level) {
    case 'low':
      return {
        text: `Space for recordings is low: ${left} left`,
        blocks: [
          section(
            `:warning: *Space for recordings is low: ${left} left.* Sessions begin and go on; with less than ${least} none can begin.`,
          ),
          MAKE_ROOM,
        ],
      };
    case 'too_little':
      return {
        text: `No session can begin: ${left} left for recordings`,
        blocks: [
          section(
            `:no_entry: *No session can begin: ${left} left for recordings*, and ${least} are needed. Live sessions go on, and end below ${bytes(minFreeMiB * RESERVE * MIB)}.`,
          ),
          MAKE_ROOM,
        ],
      };
    case 'enough':
      return {
        text: `Space for recordings again: ${left} left`,
        blocks: [section(`:white_check_mark: *Space for recordings again: ${left} left.* Sessions begin as usual.`)],
      };
  }
}

import { type ChannelSummary, channelCount } from '../../access/session.ts';
import { type Block, bullets, type paragraph, preformatted, rich, section } from '../words/blocks.ts';
import { type Line, line, own, toPlain } from '../words/line.ts';
import { count } from '../words/units.ts';
import { deedOf } from './coverage.ts';

const COMMAND_MAX = 400;
const CHANNELS_MAX = 60;
/** Text of one block, so that none is refused for its length. */
const BLOCK_MAX = 2_500;

type Part = ReturnType<typeof paragraph> | ReturnType<typeof bullets> | ReturnType<typeof preformatted>;

/** What was done in a session, channel by channel, in as much text as there is room for. */
export function deeds(channels: readonly ChannelSummary[], room: number): Block[] {
  if (channels.length === 0) return [section(line`Nothing was run, copied or tunnelled in this session.`)];
  const page = new Page();
  let left = room;
  for (const [index, channel] of channels.entries()) {
    const { said, command } = deedOf(channel);
    const shown = command?.slice(0, COMMAND_MAX) ?? null;
    left -= toPlain(said).length + (shown?.length ?? 0) + 1;
    if (left < 0 || index >= CHANNELS_MAX) {
      page.bullet(
        line`and ${own(count(channelCount(channels.slice(index)), 'more channel'))}, all in the recording’s manifest`,
      );
      break;
    }
    page.bullet(said);
    if (shown !== null) page.command(shown);
  }
  return page.blocks();
}

/** Bullets that follow each other are one list; a long command stands between two. */
class Page {
  readonly #blocks: Block[] = [];
  #parts: Part[] = [];
  #bullets: Line[] = [];
  #length = 0;

  bullet(said: Line): void {
    const { length } = toPlain(said);
    if (this.#length + length > BLOCK_MAX) this.#turn();
    this.#bullets.push(said);
    this.#length += length;
  }

  command(text: string): void {
    this.#flush();
    this.#parts.push(preformatted(text, COMMAND_MAX));
    this.#length += text.length;
  }

  blocks(): Block[] {
    this.#turn();
    return this.#blocks;
  }

  #flush(): void {
    if (this.#bullets.length > 0) this.#parts.push(bullets(this.#bullets));
    this.#bullets = [];
  }

  #turn(): void {
    this.#flush();
    if (this.#parts.length > 0) this.#blocks.push(rich(...this.#parts));
    this.#parts = [];
    this.#length = 0;
  }
}

import { type Edge, whoAsks } from '../edge.ts';
import { ACTION } from '../words/action-ids.ts';
import { actions, button, section } from '../words/blocks.ts';
import { own } from '../words/line.ts';
import { asTyped } from '../words/text.ts';
import { type Answer, refusal, whisper } from './answer.ts';
import { react } from './commands.ts';
import { helpAnswer } from './help.ts';
import { typedAnswer } from './typed-request.ts';

export type Words = {
  readonly user: string;
  readonly teamId: string | null;
  readonly channel: string;
  readonly channel_type?: string | undefined;
  readonly text: string;
  readonly thread_ts?: string | undefined;
};

/** Words to the bot, for people whose workspace gives them no slash commands. A form needs a click, so it comes as a button. */
export async function answerWords(edge: Edge, words: Words): Promise<void> {
  const asker = await whoAsks(edge, { userId: words.user, teamId: words.teamId });
  if (!asker.ok) return reply(edge, words, await refusal(edge, asker.rejection));
  const typed = toDaypass(words.text, edge.own.botUserId);
  const [first = ''] = typed.split(/\s+/);
  const rest = typed.slice(first.length).trim();
  const word = first.toLowerCase();
  switch (word) {
    case 'request':
      if (rest !== '') return reply(edge, words, await typedAnswer(edge, asker.value, rest));
      return reply(edge, words, withButton('Press the button to open the form.', ACTION.openRequest, 'Request access'));
    case 'key':
      return reply(
        edge,
        words,
        withButton('Press the button to get a one-time code.', ACTION.showKey, 'Register a key'),
      );
    case 'list':
    case 'revoke': {
      const reaction = await react(edge, asker.value, `${word} ${rest}`);
      return reply(edge, words, 'answer' in reaction ? reaction.answer : helpAnswer(null, edge.gateway));
    }
    case '':
    case 'help':
      return reply(edge, words, helpAnswer(null, edge.gateway));
    default:
      return reply(edge, words, helpAnswer(word, edge.gateway));
  }
}

/** Without the mention of Daypass; others stay, because a request for somebody else is none for oneself. */
const toDaypass = (text: string, botUserId: string): string =>
  asTyped(text)
    .replaceAll(new RegExp(`<@${botUserId}(?:\\|[^>]*)?>`, 'g'), ' ')
    .trim();

const withButton = (text: string, action: string, label: string): Answer => ({
  text,
  blocks: [section(own(text)), actions('word', [button({ action, label, style: 'primary', value: '' })])],
});

/** In a direct message openly, in a channel only to the person who asked. */
async function reply(edge: Edge, words: Words, answer: Answer): Promise<void> {
  const threadTs = words.thread_ts ?? null;
  if (words.channel_type !== 'im') {
    return whisper(edge, { channelId: words.channel, threadTs, userId: words.user, responseUrl: null }, answer);
  }
  await edge.web.chat.postMessage({
    channel: words.channel,
    text: answer.text,
    blocks: [...answer.blocks],
    unfurl_links: false,
    ...(threadTs === null ? {} : { thread_ts: threadTs }),
  });
}

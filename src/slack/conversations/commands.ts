import type { Asker, Edge } from '../edge.ts';
import { COMMAND_WORDS } from '../words/action-ids.ts';
import type { View } from '../words/blocks.ts';
import { asTyped } from '../words/text.ts';
import { type Answer, refusal, say } from './answer.ts';
import { engagementForm } from './engagement-form.ts';
import { helpAnswer } from './help.ts';
import { keyAnswer } from './key.ts';
import { keysAnswer } from './keys.ts';
import { listAnswer, revokeAnswer } from './list.ts';
import { closeReaction, offboardReaction } from './offboard.ts';
import { requestView } from './request.ts';
import { typedRequest } from './typed-request.ts';

/** What a word after `/access` leads to: a form, or an answer that only the person sees. */
export type Reaction = { readonly open: View } | { readonly answer: Answer };

type Word = (typeof COMMAND_WORDS)[number];
const isWord = (word: string): word is Word => COMMAND_WORDS.some((known) => known === word);

export async function react(edge: Edge, asker: Asker, text: string): Promise<Reaction> {
  const typed = asTyped(text).trim();
  const [word = 'help', argument = null, ...more] = typed.split(/\s+/).filter((each) => each !== '');
  const rest = typed.slice(word.length).trim();
  const known = word.toLowerCase();
  if (!isWord(known)) return { answer: helpAnswer(word, edge.gateway) };
  switch (known) {
    case 'request':
      return rest === '' ? { open: await requestView(edge, asker, null) } : typedRequest(edge, asker, rest);
    case 'list':
      return { answer: await listAnswer(edge, asker) };
    case 'revoke':
      return { answer: await revokeAnswer(edge, asker, argument) };
    case 'key': {
      const answer = await keyAnswer(edge, asker);
      return { answer: answer.ok ? answer.value : await refusal(edge, answer.rejection) };
    }
    case 'keys':
      return { answer: await keysAnswer(edge, asker, argument) };
    case 'engagement':
      if (argument?.toLowerCase() === 'close') return closeReaction(edge, asker, more.join(' '));
      return openEngagement(edge, asker, argument);
    case 'offboard':
      return offboardReaction(edge, asker, rest.split(/\s+/).join(' '));
    case 'help':
      return { answer: helpAnswer(null, edge.gateway) };
    default:
      return known satisfies never;
  }
}

async function openEngagement(edge: Edge, asker: Asker, argument: string | null): Promise<Reaction> {
  if (argument?.toLowerCase() !== 'new') {
    return {
      answer: say(
        'To open an engagement, run /access engagement new. It asks for members, targets, scopes, reviewers and the last day. To close one before its last day, run /access engagement close.',
      ),
    };
  }
  if (asker.person.standing !== 'member') return { answer: await refusal(edge, { code: 'may_not_open_engagement' }) };
  if (edge.inventory.targets.length === 0) {
    return {
      answer: say(
        'You cannot open an engagement yet, because there are no targets. Ask your Daypass operator to add them to targets.yml.',
      ),
    };
  }
  return { open: engagementForm(edge, asker) };
}

import { REGISTRATION_CODE_MINUTES } from '../access/person.ts';
import { ok, type Result } from '../access/result.ts';
import { issueRegistrationCode } from '../use-cases/issue-registration-code.ts';
import type { Answer } from './answer.ts';
import { context, section } from './blocks.ts';
import type { Asker, Edge } from './edge.ts';
import { codeBlock } from './personal-messages.ts';
import { hostKeyFingerprint, knownHostsLine } from './ssh-config.ts';
import { code } from './text.ts';
import { when } from './words.ts';

/** A one-time code, as the line that registers a key by proving its possession. */
export async function keyAnswer(edge: Edge, asker: Asker): Promise<Result<Answer>> {
  const issued = await issueRegistrationCode(edge)({ by: asker.person.id });
  if (!issued.ok) return issued;
  const { host, port } = edge.gateway;
  const line = `ssh register-${issued.value.code}@${host} -p ${port}`;
  return ok({
    text: 'Register your SSH key',
    blocks: [
      section(
        `Run this where your SSH key is, within ${REGISTRATION_CODE_MINUTES} minutes (until ${when(issued.value.expiresAt)}):`,
      ),
      section(codeBlock([line])),
      section(
        `It registers the first key that your ssh offers. For another one add ${code('-i ~/.ssh/<key> -o IdentitiesOnly=yes', 80)}. No key yet? ${code('ssh-keygen -t ed25519', 40)} makes one.`,
      ),
      section(
        `ssh asks whether you trust the gateway: its host key is ${code(hostKeyFingerprint(edge.gateway), 70)}. Or let ssh know beforehand:`,
      ),
      section(codeBlock([`echo '${knownHostsLine(edge.gateway)}' >> ~/.ssh/known_hosts`])),
      context(
        'The code works once and only for you. Your private key never leaves your machine; do not pass the code on.',
      ),
    ],
  });
}

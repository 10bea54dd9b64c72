import { REGISTRATION_CODE_MINUTES } from '../../access/person.ts';
import { ok, type Result } from '../../access/result.ts';
import { issueRegistrationCode } from '../../use-cases/people/issue-registration-code.ts';
import type { Asker, Edge } from '../edge.ts';
import { context, paragraph, preformatted, rich } from '../words/blocks.ts';
import { hostKeyFingerprint, knownHostsCommand } from '../words/gateway-facts.ts';
import { line, mono } from '../words/line.ts';
import type { Answer } from './answer.ts';

/** A one-time code, as the line that registers a key by proving its possession. */
export async function keyAnswer(edge: Edge, asker: Asker): Promise<Result<Answer>> {
  const issued = await issueRegistrationCode(edge)({ by: asker.person.id });
  if (!issued.ok) return issued;
  const { host, port } = edge.gateway;
  const register = `ssh register-${issued.value.code}@${host} -p ${port}`;
  return ok({
    text: 'Register your SSH key: run the line in this message where your key is.',
    blocks: [
      rich(
        paragraph(
          line`Run this where your SSH key is, within ${REGISTRATION_CODE_MINUTES} minutes (until ${issued.value.expiresAt}):`,
        ),
        preformatted(register),
        paragraph(
          line`It registers the first key that your ssh offers. To choose another one, add ${mono('-i ~/.ssh/<key> -o IdentitiesOnly=yes', 80)}.`,
          line`No key yet? Make one first: run ${mono('ssh-keygen -t ed25519', 40)}, press Enter where it asks for a file, and choose a passphrase.`,
        ),
      ),
      rich(
        paragraph(
          line`ssh asks whether you trust the gateway. Its host key is ${mono(hostKeyFingerprint(edge.gateway), 70)}. Or tell ssh beforehand:`,
        ),
        preformatted(knownHostsCommand(edge.gateway)),
      ),
      context(
        line`The code works once, and only for you: do not pass it on. Your private key never leaves your machine.`,
      ),
    ],
  });
}

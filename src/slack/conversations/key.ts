import { REGISTRATION_CODE_MINUTES } from '../../access/person.ts';
import { ok, type Result } from '../../access/result.ts';
import { issueRegistrationCode } from '../../use-cases/people/issue-registration-code.ts';
import type { Asker, Edge } from '../edge.ts';
import { context, paragraph, preformatted, rich } from '../words/blocks.ts';
import { hostKeyFingerprint, knownHostsCommand } from '../words/gateway-facts.ts';
import { line, mono } from '../words/line.ts';
import type { Answer } from './answer.ts';

/** A one-time code, in the command that registers a key by proving possession of it. */
export async function keyAnswer(edge: Edge, asker: Asker): Promise<Result<Answer>> {
  const issued = await issueRegistrationCode(edge)({ by: asker.person.id });
  if (!issued.ok) return issued;
  const { host, port } = edge.gateway;
  const register = `ssh register-${issued.value.code}@${host} -p ${port}`;
  return ok({
    text: 'Register your SSH key: run the command in this message on the machine that has your key.',
    blocks: [
      rich(
        paragraph(
          line`Run this on the machine that has your SSH key, within ${REGISTRATION_CODE_MINUTES} minutes (until ${issued.value.expiresAt}):`,
        ),
        preformatted(register),
        paragraph(
          line`It registers the first key that your ssh client offers. To choose another one, add ${mono('-i ~/.ssh/<key> -o IdentitiesOnly=yes', 80)}.`,
          line`No key yet? Create one first: run ${mono('ssh-keygen -t ed25519', 40)}, press Enter when it asks for a file, and choose a passphrase.`,
        ),
      ),
      rich(
        paragraph(
          line`ssh will ask whether you trust the gateway. Its host key is ${mono(hostKeyFingerprint(edge.gateway), 70)}. Or add the key beforehand:`,
        ),
        preformatted(knownHostsCommand(edge.gateway)),
      ),
      context(line`The code works once and only for you. Do not share it. Your private key never leaves your machine.`),
    ],
  });
}

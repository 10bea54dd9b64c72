import type { Client, ParsedKey } from 'ssh2';
import { BACKDATE_SECONDS, type CertificateSpec, UPSTREAM_SECONDS, upstreamPrincipal } from '../access/certificate.ts';
import { type Login, TargetId } from '../access/ids.ts';
import type { Target } from '../access/target.ts';
import type { CertificateAuthority, Clock, Inventory } from '../use-cases/ports.ts';
import { destroy } from './guard.ts';
import { connectUpstream, makeSessionKey, UpstreamError } from './upstream.ts';

export type Finding = { readonly level: 'ok' | 'problem' | 'note'; readonly text: string };

type Deps = {
  readonly authority: Pick<CertificateAuthority, 'issueUpstream'>;
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly sourceAddress: string | null;
};

/** A target that nobody has: a host that lets its principal in trusts the CA without looking at the target's name. */
const ELSEWHERE = TargetId.parse('daypass-check-of-another-target');
const COMMAND_MS = 10_000;

/** Logs in to a target for proof, as each of its logins, and says what is wrong. */
export const targetCheck =
  (deps: Deps) =>
  async (id: TargetId): Promise<Finding[]> => {
    const target = deps.inventory.find(id);
    if (!target) return [{ level: 'problem', text: `no target is called ${id}` }];
    const findings: Finding[] = [];
    for (const login of target.logins) findings.push(...(await checkLogin(deps, target, login)));
    return findings;
  };

async function checkLogin(deps: Deps, target: Target, login: Login): Promise<Finding[]> {
  const entered = await enter(deps, target, login, upstreamPrincipal(login, target.id));
  if (entered instanceof UpstreamError) return [{ level: 'problem', text: `${login}: ${advice(entered, target)}` }];
  const findings: Finding[] = [{ level: 'ok', text: `${login}: logged in, host key as pinned` }];
  try {
    findings.push(await sourceAddressFinding(deps, entered, login), await terminalFinding(entered, login));
  } finally {
    destroy(entered);
  }
  const elsewhere = await enter(deps, target, login, upstreamPrincipal(login, ELSEWHERE));
  if (elsewhere instanceof UpstreamError) {
    findings.push({ level: 'ok', text: `${login}: certificates for other targets are refused` });
  } else {
    destroy(elsewhere);
    const text = `${login}: a certificate made for another target is let in; AuthorizedPrincipalsFile is missing (daypass targets snippet ${target.id})`;
    findings.push({ level: 'problem', text });
  }
  return findings;
}

async function enter(deps: Deps, target: Target, login: Login, principal: string): Promise<Client | UpstreamError> {
  const { key, publicBlob } = makeSessionKey();
  const { certificate } = deps.authority.issueUpstream(publicBlob, specFor(deps.clock.now(), target, principal));
  const { address, port, host_keys: hostKeys } = target;
  try {
    return await connectUpstream({ address, port, hostKeys, login, certificate }, key as ParsedKey, target.id).ready;
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    throw error;
  }
}

/** Without source-address: the check is what measures it. */
const specFor = (now: Date, target: Target, principal: string): CertificateSpec => ({
  keyId: `daypass:check:${target.id}`,
  principals: [principal],
  validAfter: new Date(now.getTime() - BACKDATE_SECONDS * 1000),
  validBefore: new Date(now.getTime() + UPSTREAM_SECONDS * 1000),
  criticalOptions: {},
  extensions: ['permit-pty'],
});

function advice(error: UpstreamError, target: Target): string {
  const where = `${target.address}:${target.port}`;
  switch (error.why) {
    case 'host_key_mismatch':
      return `${where} shows another host key than the one pinned; compare with: daypass targets scan ${target.address} --port ${target.port}`;
    case 'target_refused':
      return `sshd refuses the certificate: is the block of «daypass targets snippet ${target.id}» in its sshd_config, are the files readable by root only, does the login exist?`;
    default:
      return `${where} cannot be reached: is sshd running there, and does a firewall let the gateway in?`;
  }
}

async function sourceAddressFinding(deps: Deps, client: Client, login: Login): Promise<Finding> {
  const connection = await output(client, 'printf %s "$SSH_CONNECTION"', false);
  const seen = connection.split(' ')[0] ?? '';
  if (seen === '') return { level: 'note', text: `${login}: the target does not say from where it sees the gateway` };
  if (deps.sourceAddress === null) {
    return {
      level: 'note',
      text: `${login}: sees the gateway at ${seen}; set gateway.source_address to bind certificates to it`,
    };
  }
  if (deps.sourceAddress.split('/')[0] === seen)
    return { level: 'ok', text: `${login}: sees the gateway at ${seen}, as configured` };
  if (deps.sourceAddress.includes('/')) {
    return {
      level: 'note',
      text: `${login}: sees the gateway at ${seen}; gateway.source_address is ${deps.sourceAddress}`,
    };
  }
  const text = `${login}: sees the gateway at ${seen}, but gateway.source_address is ${deps.sourceAddress}: sessions will be refused`;
  return { level: 'problem', text };
}

async function terminalFinding(client: Client, login: Login): Promise<Finding> {
  const terminal = await output(client, 'tty', true);
  if (terminal.includes('/dev/')) return { level: 'ok', text: `${login}: gets a terminal` };
  return { level: 'problem', text: `${login}: gets no terminal; is PermitTTY off, or devpts not mounted?` };
}

function output(client: Client, command: string, pty: boolean): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(''), COMMAND_MS);
    const done = (text: string): void => {
      clearTimeout(timer);
      resolve(text);
    };
    client.exec(command, { pty }, (error, channel) => {
      if (error) return done('');
      const chunks: Buffer[] = [];
      channel.on('data', (chunk: Buffer) => chunks.push(chunk));
      channel.stderr.resume();
      channel.on('close', () => done(Buffer.concat(chunks).toString('utf8').slice(0, 1_000)));
    });
  });
}

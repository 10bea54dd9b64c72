import {
  BACKDATE_SECONDS,
  type CertificateSpec,
  UPSTREAM_SECONDS,
  upstreamPrincipal,
} from '../../access/certificate.ts';
import { type Login, TargetId } from '../../access/ids.ts';
import type { Target } from '../../access/target.ts';
import { encode, string, uint8, uint32 } from '../../sshwire/bytes.ts';
import type { CertificateAuthority } from '../../use-cases/ports/authority.ts';
import type { Clock } from '../../use-cases/ports/clock.ts';
import type { Inventory } from '../../use-cases/ports/inventory.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { Channel } from '../ssh/channel.ts';
import { connectUpstream, makeSessionKey, type Upstream } from './connect.ts';
import { UpstreamError } from './failures.ts';

export type Finding = { readonly level: 'ok' | 'problem' | 'note'; readonly text: string };

type Deps = {
  readonly authority: Pick<CertificateAuthority, 'issueUpstream'>;
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly sourceAddress: string | null;
  /** As for sessions. */
  readonly targetLoginMs?: number;
};

/** A target that nobody has: a host that lets its principal in trusts the CA without looking at the target's name. */
const ELSEWHERE = TargetId.parse('daypass-check-of-another-target');
const COMMAND_MS = 10_000;
const OUTPUT_MAX = 2_000;

/** Logs in to a target as each of its logins, and reports what is wrong. */
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
    entered.destroy();
  }
  const elsewhere = await enter(deps, target, login, upstreamPrincipal(login, ELSEWHERE));
  if (elsewhere instanceof UpstreamError) {
    findings.push({ level: 'ok', text: `${login}: certificates for other targets are refused` });
  } else {
    elsewhere.destroy();
    const text = `${login}: a certificate for another target is accepted. AuthorizedPrincipalsFile is missing: see daypass targets snippet ${target.id}`;
    findings.push({ level: 'problem', text });
  }
  return findings;
}

async function enter(deps: Deps, target: Target, login: Login, principal: string): Promise<Upstream | UpstreamError> {
  const key = makeSessionKey();
  const { certificate } = deps.authority.issueUpstream(key.publicBlob, specFor(deps.clock.now(), target, principal));
  const { address, port, host_keys: hostKeys, algorithms = 'default' } = target;
  const { targetLoginMs: loginMs = DEFAULT_LIMITS.targetLoginMs } = deps;
  const at = { name: target.id, address, port, hostKeys, login, certificate, algorithms, loginMs };
  const upstream = connectUpstream(at, key, () => {});
  try {
    await upstream.ready;
    return upstream;
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
      return `${where} shows a different host key than the one pinned. Compare them: daypass targets scan ${target.address} --port ${target.port}`;
    case 'target_refused':
      return `sshd refuses the certificate. Does the login exist? Does sshd_config have the block that daypass targets snippet ${target.id} prints? Do its files belong to root, and can everybody read them (0644, their folder 0755)? sshd reads them as the login.`;
    case 'no_common_algorithm':
      return `${where} and the gateway have ${error.found}`;
    case 'target_slow':
      return `${where} was reached, but ${error.found}. Is it reverse DNS (UseDNS) or PAM? gateway.target_login_seconds sets how long the gateway waits`;
    default:
      return `${where} cannot be reached: ${error.found}. Is sshd running there, and does the firewall let the gateway in?`;
  }
}

async function sourceAddressFinding(deps: Deps, upstream: Upstream, login: Login): Promise<Finding> {
  const connection = await output(upstream, 'printf %s "$SSH_CONNECTION"', false);
  const seen = connection.split(' ')[0] ?? '';
  if (seen === '')
    return { level: 'note', text: `${login}: the target does not show which address it sees the gateway at` };
  if (deps.sourceAddress === null) {
    return {
      level: 'note',
      text: `${login}: sees the gateway at ${seen}; to bind certificates to that address, set gateway.source_address`,
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

async function terminalFinding(upstream: Upstream, login: Login): Promise<Finding> {
  const terminal = await output(upstream, 'tty', true);
  if (terminal.includes('/dev/')) return { level: 'ok', text: `${login}: gets a terminal` };
  return { level: 'problem', text: `${login}: gets no terminal. Is PermitTTY off, or devpts not mounted?` };
}

/** Stands between the lines that a login shell may print and what was asked for. */
const MARK = 'daypass-check:';

/** RFC 4254 §6.2: a terminal of 80 by 24 characters, with no modes. */
const PTY = encode(string('vt100'), ...[80, 24, 0, 0].map(uint32), string(uint8(0)));

async function output(upstream: Upstream, command: string, pty: boolean): Promise<string> {
  const channel = await upstream.channels.openSession('data');
  if (!(channel instanceof Channel)) return '';
  const chunks: Buffer[] = [];
  const text = await new Promise<string>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('utf8').slice(0, OUTPUT_MAX));
    };
    const timer = setTimeout(done, COMMAND_MS);
    channel.listener = {
      data: (stream, bytes) => {
        if (stream === 'stdout') chunks.push(bytes);
        channel.consumed(bytes.length);
      },
      eof: () => {},
      room: () => {},
      reply: () => {},
      request: (_name, wantReply) => {
        if (wantReply) channel.reply(false);
      },
      closed: done,
    };
    if (pty) channel.request('pty-req', true, PTY);
    channel.request('exec', true, string(`printf %s ${MARK}; ${command}`));
  });
  channel.close();
  const at = text.indexOf(MARK);
  return at === -1 ? '' : text.slice(at + MARK.length);
}

import { asciiOnly } from '../printable.ts';
import { splitCommand } from './command-words.ts';
import { matchesExec } from './exec-patterns.ts';
import { isSftpAlone } from './forced-command.ts';
import type { Scope } from './scope.ts';
import { readScp, whyNotScp } from './scp-command.ts';
import { type TunnelFacts, whyNotTunnel } from './tunnels.ts';

/** What a client asks for: of a session channel (RFC 4254 §6.2, §6.5), or a direct-tcpip channel (§7.2), as it names its end. */
export type ChannelAsk =
  | { readonly kind: 'shell' }
  | { readonly kind: 'pty' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'subsystem'; readonly name: string }
  | { readonly kind: 'tunnel'; readonly host: string; readonly port: number };

export type ChannelVerdict = { readonly allowed: true } | { readonly allowed: false; readonly why: string };

const ALLOWED: ChannelVerdict = { allowed: true };

/** Decides one channel request; what is not let through is refused with what the scope lets through instead. */
export function permits(scope: Scope, ask: ChannelAsk, facts: TunnelFacts | null = null): ChannelVerdict {
  const why = whyNot(scope, ask, facts);
  if (why === null) return ALLOWED;
  return { allowed: false, why: `scope ${scope.name} does not allow ${why}; it allows: ${scope.words}` };
}

/** Null where the scope lets it through; otherwise what it is that it does not allow. */
function whyNot(scope: Scope, ask: ChannelAsk, facts: TunnelFacts | null): string | null {
  // All else is recorded, whatever it is called; what cannot be kept ends when it comes.
  if (scope.opaque === 'refused' && ask.kind === 'tunnel')
    return `a tunnel to ${shown(ask.host)}:${ask.port}, because a recording could only count its bytes`;
  switch (ask.kind) {
    case 'shell':
      return scope.shell ? null : 'a shell';
    case 'pty':
      return scope.pty ? null : 'a terminal';
    case 'exec':
      return whyNotExec(scope, ask.command);
    case 'subsystem':
      return ask.name === 'sftp' && scope.files ? null : `the subsystem ${shown(ask.name)}`;
    case 'tunnel':
      return whyNotTunnel(scope, ask, facts);
  }
}

function whyNotExec(scope: Scope, command: string): string | null {
  if (scope.exec === 'any') return null;
  const scp = scope.files && readScp(command);
  if (scope.files && scp) {
    // The target would answer it with SFTP.
    if (isSftpAlone(scope)) return "scp's old protocol (leave out -O, or use scp -s or sftp)";
    const why = whyNotScp(scope.files, scp);
    return why && `scp ${why}`;
  }
  if (scope.exec === 'none') return 'this command';
  const split = splitCommand(command);
  if (!split.ok) return `this command: ${split.why}`;
  const words = split.words.map((word) => word.text);
  if (words.length > 0 && scope.exec.some((pattern) => matchesExec(pattern, words))) return null;
  return `the command ${shown(words.join(' '))}`;
}

const SHOWN = 60;
const shown = (text: string): string => {
  const plain = asciiOnly(text);
  return plain.length > SHOWN ? `${plain.slice(0, SHOWN)}...` : plain;
};

/** Variables that change no more than how a program words and colours what it says. */
const WORDING = /^(?:LANG|LANGUAGE|LC_[A-Z]+|COLORTERM|NO_COLOR)$/;

/** No path among them: catalogues of messages are files, and programs follow what such a variable says to them. */
const WORDING_VALUE = /^[\w.@:,+-]{0,128}$/;

/** Whether a client may set a variable (RFC 4254 §6.4): with others, a listed command would do what no list says. */
export const permitsVariable = (scope: Scope, { name, value }: { name: string; value: string }): boolean =>
  scope.shell || scope.exec === 'any' || (WORDING.test(name) && WORDING_VALUE.test(value));

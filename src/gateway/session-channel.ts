import type { ServerChannel, Session } from 'ssh2';
import { type ChannelAsk, permits, type Scope } from '../access/scope.ts';
import { type ChannelHost, ChannelPair, type Started, type Terminal, type WindowSize } from './channel.ts';
import { ENVIRONMENT_MAX } from './limits.ts';

export type SessionChannelHost = ChannelHost & {
  readonly scope: Scope;
  refused(sentence: string): void;
  run(pair: ChannelPair): void;
};

const REFUSED_EXIT = 254;

/** What a client may ask on a session channel before and after it starts something (RFC 4254 §6.2 to §6.9). */
export function serveSessionChannel(host: SessionChannelHost, number: number, session: Session): void {
  let terminal: Terminal | null = null;
  let pair: ChannelPair | null = null;
  const environment: Record<string, string> = Object.create(null);
  const allowed = (ask: ChannelAsk): string | null => {
    const verdict = permits(host.scope, ask);
    if (verdict.allowed) return null;
    host.refused(verdict.why);
    return verdict.why;
  };

  session.on('pty', (accept, reject, info) => {
    if (allowed({ kind: 'pty' }) !== null) return reject?.();
    terminal = info as Terminal;
    accept?.();
  });
  session.on('env', (accept, _reject, { key, val }: { key: string; val: string }) => {
    if (Object.keys(environment).length < ENVIRONMENT_MAX) environment[key] = val;
    accept?.();
  });
  session.on('window-change', (accept, _reject, size: WindowSize) => {
    pair?.resize(size);
    if (terminal) terminal = { ...terminal, ...size };
    accept?.();
  });
  session.on('signal', (accept, _reject, { name }: { name: string }) => {
    pair?.signal(name);
    accept?.();
  });
  session.on('x11', (_accept, reject) => {
    host.refused('X11 forwarding is not allowed; run the program where its display is.');
    reject?.();
  });
  session.on('auth-agent', (_accept, reject) => {
    host.refused('Agent forwarding is not allowed; use ProxyJump from your own machine instead.');
    reject?.();
  });

  const start = (ask: Started, accept: () => ServerChannel | undefined): void => {
    // Accepted at once: ssh2 loses what a client sends before that, and refuses a client that has sent EOF already.
    const channel = accept();
    if (!channel) return;
    const why = allowed(ask);
    if (why !== null) {
      channel.stderr.write(`daypass: ${why}\n`);
      channel.exit(REFUSED_EXIT);
      channel.end();
      return;
    }
    pair = new ChannelPair(host, { number, ask, terminal, environment }, channel);
    host.run(pair);
  };
  session.on('shell', (accept) => start({ kind: 'shell' }, accept));
  session.on('exec', (accept, _reject, { command }) => start({ kind: 'exec', command }, accept));
  session.on('subsystem', (accept, _reject, { name }) => start({ kind: 'subsystem', name }, accept));
  session.on('close', () => pair?.close());
}

import { upstreamPrincipal } from './certificate.ts';
import type { Target } from './target.ts';

export type TargetFile = { readonly path: string; readonly content: string };

/**
 * What one target needs so that its sshd trusts the target CA for its granted logins and nothing else. One principals file per
 * login: in a shared one, a login's principal would open every other login. Other users of the target are untouched.
 */
export function targetFiles(target: Target, targetCa: string, sshDir: string): { files: TargetFile[]; block: string } {
  const principals = `${sshDir}/daypass_principals`;
  return {
    files: [
      { path: `${sshDir}/daypass_ca.pub`, content: `${targetCa}\n` },
      ...target.logins.map((login) => ({
        path: `${principals}/${login}`,
        content: `${upstreamPrincipal(login, target.id)}\n`,
      })),
    ],
    block: [
      `Match User ${target.logins.join(',')}`,
      `  TrustedUserCAKeys ${sshDir}/daypass_ca.pub`,
      `  AuthorizedPrincipalsFile ${principals}/%u`,
      '  AuthorizedKeysFile none',
      '  PermitUserRC no',
      '  AllowAgentForwarding no',
      '  X11Forwarding no',
      'Match all',
      '',
    ].join('\n'),
  };
}

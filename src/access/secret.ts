/** What looks like a secret in a text that people and logs will keep, by the shapes that its issuers document. */
const SHAPES = {
  /** PEM (RFC 7468), OpenSSH and PGP. */
  'a private key':
    /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-(?:PQ-)?1/,
  'an AWS access key': /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])/,
  'a Slack token': /(?<![a-z0-9])(?:xox[abeoprs]|xapp)-[\w-]{10,}|hooks\.slack\.com\/services\/T\w+\/B\w+\/\w{20,}/i,
  'a GitHub token': /(?<![A-Za-z0-9])(?:gh[opsru]_\w{36,}|github_pat_\w{22,})/,
  'a GitLab token': /(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|oas)-[\w-]{20,}/,
  'a Google API key': /(?<![\w-])AIza[\w-]{35}(?![\w-])/,
  'a Stripe key': /(?<![A-Za-z0-9])[rs]k_(?:live|test)_\w{20,}/,
  'a JSON Web Token': /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/,
  'a password in a URL': /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]{3,}@/i,
  'a password':
    /(?<!\w)(?:pass(?:word|wd|phrase)?|pwd|secret|api[ _-]?key|token)\s*(?:=|:=?|is)\s*["'`]?(?=\S*(?:\d|[!#$%^&*@~|]\S))[^\s"'`<]{6,}/i,
} as const;

export type SecretKind = keyof typeof SHAPES;

/** The first kind of secret that a text seems to hold; null where it holds none. */
export function secretIn(text: string): SecretKind | null {
  const plain = text.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  return (Object.keys(SHAPES) as SecretKind[]).find((kind) => SHAPES[kind].test(plain)) ?? null;
}

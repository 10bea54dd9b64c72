/** Base64 between two lines that say what it is, as OpenSSH writes keys and signatures: 70 characters a line. */
export function armor(what: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  return `-----BEGIN ${what}-----\n${base64.replace(/.{70}(?=.)/g, '$&\n')}\n-----END ${what}-----\n`;
}

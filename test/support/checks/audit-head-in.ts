import { type AuditHead, parseHead } from '../../../src/access/audit-head.ts';
import { AUDIT_HEAD } from '../../../src/access/certificate.ts';
import { optionText, parseCertificateLine } from '../../../src/sshwire/certificate.ts';

/** The head of the audit log that a certificate was issued at. */
export function auditHeadIn(line: string): AuditHead {
  const certificate = parseCertificateLine(line);
  const option = certificate.ok ? certificate.value.extensions.find(({ name }) => name === AUDIT_HEAD) : undefined;
  const text = option && optionText(option);
  const head = text?.ok ? parseHead(text.value) : null;
  if (!head) throw new Error('a certificate without a head of the audit log');
  return head;
}

import { AUDIT_EVENTS } from '../../../src/access/audit-event.ts';

/** docs/events.md, written from the types of events there are. */
export const eventsPage = (): string => `# Audit events

Every event in the audit log, and on stdout with [\`daypass serve --events\`](operations.md#events-for-a-siem), is of one of these types. Facts are
ids, counts and digests; names, reasons and commands stay out of them. This page is generated from \`src/access/audit-event.ts\`.

| type | what happened |
|---|---|
${Object.entries(AUDIT_EVENTS)
  .map(([type, what]) => `| \`${type}\` | ${what} |`)
  .join('\n')}
`;

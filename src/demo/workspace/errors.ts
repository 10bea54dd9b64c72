/** Slack's `ok: false`: thrown by a method, answered by the Web API. `facts` go into the answer beside the code. */
export class SlackError extends Error {
  readonly code: string;
  readonly facts: Readonly<Record<string, unknown>>;
  constructor(code: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(code);
    this.name = 'SlackError';
    this.code = code;
    this.facts = facts;
  }
}

/** `invalid_blocks`, `invalid_arguments`: with the places and reasons, as Slack lists them. */
export const invalid = (code: string, problems: readonly string[]): SlackError =>
  new SlackError(code, {
    errors: problems.map((problem) => problem.replace(/^\[ERROR\] /, '')),
    response_metadata: { messages: problems },
  });

/** What a person tried and could not do: an HTTP status, a code, a sentence, and sentences at form fields. */
export class PersonaError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: Readonly<Record<string, string>> | null;
  constructor(status: number, code: string, sentence: string, errors: Readonly<Record<string, string>> | null = null) {
    super(sentence);
    this.name = 'PersonaError';
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

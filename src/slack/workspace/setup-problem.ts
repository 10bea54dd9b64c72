/** How Daypass or its app is set up cannot work: an operator has to change it, and trying again does not help. */
export class SetupProblem extends Error {
  readonly code = 'slack_setup';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SetupProblem';
  }
}

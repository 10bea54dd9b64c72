import type { SlackAccount, Standing } from '../../access/person.ts';

/** What Slack says of an account at this moment. */
export type Directory = {
  lookup(account: SlackAccount): Promise<Profile | null>;
};

export type Profile = {
  /** Null where Slack does not say, as of deactivated accounts: what was known stays. */
  readonly name: string | null;
  readonly standing: Standing | null;
  readonly active: boolean;
};

/** Records that carry a seal, and the number of the last sealed change. */
export type Sealed =
  | 'account'
  | 'key'
  | 'code'
  | 'engagement'
  | 'engagement_change'
  | 'request'
  | 'review'
  | 'comment'
  | 'pledge'
  | 'signature'
  | 'offboarding'
  | 'person'
  | 'head';

/** HMACs that make records believable; the database does not hold their key. */
export type Seals = {
  seal(what: Sealed, value: unknown): string;
  holds(what: Sealed, value: unknown, claimed: string): boolean;
};

/** A record that was changed, put in or brought back without control. */
export type Broken = { readonly what: Sealed | 'grant' | 'session'; readonly id: string };

/** The database is not the one that control last wrote to. */
export type Suspension = { readonly why: string; readonly at: string };

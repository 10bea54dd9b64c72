import { type User, WorkspaceState } from './state.ts';

export const PERSONAS = ['contractor', 'manager', 'security'] as const;

export const CHANNELS = { engagement: 'C0ENGAGE00', security: 'C0SECURITY', general: 'C0GENERAL0' } as const;
export const USERS = {
  contractor: 'U0CONTRACT',
  manager: 'U0MANAGER0',
  security: 'U0SECURITY',
  bot: 'U0DAYPASS0',
} as const;

const person = (id: string, name: string, realName: string, title: string, more: Partial<User> = {}): User => ({
  ...{ id, name, realName, title, tz: 'Europe/Berlin' },
  ...{ isBot: false, isRestricted: false, isUltraRestricted: false, deleted: false, teamId: null, isHidden: false },
  ...more,
});

/** Three people, the app, and the channels of a company that works with a contractor. */
export function seededState(now: () => number): WorkspaceState {
  const state = new WorkspaceState(USERS.bot, now);
  const people = [
    person(USERS.contractor, 'contractor', 'Casey Lind', 'Contractor, Northwind Data', { isRestricted: true }),
    person(USERS.manager, 'manager', 'Morgan Reyes', 'Engineering manager'),
    person(USERS.security, 'security', 'Sam Achterberg', 'Security'),
    person(USERS.bot, 'daypass', 'Daypass', 'App', { isBot: true }),
  ];
  for (const each of people) state.users.set(each.id, each);
  const { contractor, manager, security, bot } = USERS;
  const add = (id: string, name: string, kind: 'public' | 'private', topic: string, members: string[]): void => {
    state.channels.set(id, { id, name, kind, topic, members: new Set(members) });
  };
  add(CHANNELS.general, 'general', 'public', 'Company-wide', [manager, security]);
  add(CHANNELS.engagement, 'acme-migration', 'private', 'Moving the order database', [
    contractor,
    manager,
    security,
    bot,
  ]);
  add(CHANNELS.security, 'security-reviews', 'private', 'Messages from Daypass to security', [security, bot]);
  for (const each of [contractor, manager, security]) state.im(each);
  const say = (channel: string, user: string, text: string): void => {
    state.post({ channel, user, text, threadTs: null, blocks: [], metadata: null, files: [], onlyFor: null });
  };
  say(
    CHANNELS.general,
    manager,
    'Welcome, everybody. We are moving the order database this month, and Northwind Data is helping us.',
  );
  say(CHANNELS.engagement, contractor, 'Hi! I am ready to start on the migration. I will need a shell on web-01.');
  say(CHANNELS.engagement, manager, 'Great. Request it from Daypass in this channel, and I will approve it.');
  for (const user of people) for (const channel of state.channels.keys()) markRead(state, user.id, channel);
  return state;
}

export function markRead(state: WorkspaceState, user: string, channel: string): void {
  const last = state.messages.findLast((message) => message.channel === channel);
  if (last) state.read.set(`${user} ${channel}`, last.ts);
}

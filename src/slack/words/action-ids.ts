/** Names of buttons and forms: what Slack sends back when somebody uses them. */
export const ACTION = {
  openRequest: 'open_request',
  openTyped: 'open_typed',
  extendGrant: 'extend_grant',
  showKey: 'show_key',
  showList: 'show_list',
  showHelp: 'show_help',
  confirmEngagement: 'confirm_engagement',
  showKeys: 'show_keys',
  retireKey: 'retire_key',
  changeEngagement: 'change_engagement',
  closeEngagement: 'close_engagement',
  showPeople: 'show_people',
  showSessions: 'show_sessions',
  approveChange: 'approve_change',
  denyChange: 'deny_change',
  approve: 'approve',
  deny: 'deny',
  commentRequest: 'comment_request',
  editRequest: 'edit_request',
  withdraw: 'withdraw_request',
  endGrant: 'end_grant',
  revokeGrant: 'revoke_grant',
  endSession: 'end_session',
  showDetails: 'show_details',
  sendFiles: 'send_files',
  openCard: 'open_card',
  tickItem: 'tick_item',
  noteItem: 'note_item',
  pickEngagement: 'pick_engagement',
  pickLogin: 'login',
  pickScope: 'scope',
  pickDuration: 'duration',
  pickKey: 'key',
} as const;

export const CALLBACK = {
  request: 'request',
  deny: 'deny',
  comment: 'comment',
  revoke: 'revoke',
  engagement: 'engagement',
  change: 'change',
  denyChange: 'deny_change',
  ...{ offboard: 'offboard', close: 'close_engagement', tick: 'tick_item' },
} as const;

/** Prefix of the targets menus that ask back for their options. */
export const TARGETS_MENU = 'targets';

export const COMMAND = '/access';
export const COMMAND_WORDS = ['request', 'list', 'revoke', 'key', 'keys', 'engagement', 'offboard', 'help'] as const;

/** The type of the metadata by which every message of ours is known in Slack. */
export const MESSAGE_EVENT = 'daypass_message';

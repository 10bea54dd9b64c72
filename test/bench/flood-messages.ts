/** What the bench and its program of peers that do not log in say to each other. */

type At = { readonly host: string; readonly port: number };

/** What each of many connections does: nothing, keys are exchanged and then nothing, or keys that nobody registered are offered. */
export type Crowding = 'silence' | 'exchange' | 'offers';

export type ToPeers =
  | ({ readonly type: 'shake'; readonly perSecond: number } & At)
  | ({ readonly type: 'flood'; readonly sockets: number } & At)
  | ({ readonly type: 'crowd'; readonly does: Crowding; readonly perSecond: number; readonly addresses: number } & At)
  | { readonly type: 'stop' };
export type FromPeers =
  | { readonly type: 'shaken'; readonly done: number }
  | { readonly type: 'flooded' }
  | { readonly type: 'crowded'; readonly begun: number };

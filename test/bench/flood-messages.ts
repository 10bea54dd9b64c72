/** What the bench and its program of peers that do not log in say to each other. */

type At = { readonly host: string; readonly port: number };

export type ToPeers =
  | ({ readonly type: 'shake'; readonly perSecond: number } & At)
  | ({ readonly type: 'flood'; readonly sockets: number } & At)
  | ({ readonly type: 'silence'; readonly perSecond: number; readonly addresses: number } & At)
  | { readonly type: 'stop' };
export type FromPeers =
  | { readonly type: 'shaken'; readonly done: number }
  | { readonly type: 'flooded' }
  | { readonly type: 'silenced'; readonly begun: number };

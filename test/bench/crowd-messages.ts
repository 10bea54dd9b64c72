import type { Place } from './lab.ts';

/** What the bench and its two programs, the crowd of clients and the light target, say to each other. */

export type ToTarget = { readonly type: 'start'; readonly hostKey: string };
export type FromTarget =
  | { readonly type: 'listening'; readonly port: number }
  /** The TCP connection that carried the command is gone. */
  | { readonly type: 'gone'; readonly command: string; readonly atMs: number };

export type ToClients =
  | {
      readonly type: 'open';
      readonly place: Place;
      readonly certificate: string;
      /** PEM. */
      readonly privateKey: string;
      readonly sessions: number;
      /** None: a shell that stays idle. */
      readonly command: string | null;
    }
  | { readonly type: 'report' };
export type FromClients =
  | { readonly type: 'opened' }
  /** Since the last report: bytes of all sessions, and the longest time that any of them got none. */
  | { readonly type: 'report'; readonly bytes: number; readonly stallMs: number; readonly alive: number }
  | { readonly type: 'gone'; readonly atMs: number }
  | Failed;

export type Failed = { readonly type: 'failed'; readonly why: string };

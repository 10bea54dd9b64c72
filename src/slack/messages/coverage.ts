import { type ChannelSummary, channelCount, type FileCounts } from '../../access/session.ts';
import { type Line, line, mono, own, value } from '../words/line.ts';
import { bytes, count, roughly } from '../words/units.ts';

const GROUPS_MAX = 6;
const HOST_MAX = 100;
const LABEL_MAX = 32;
/** A longer command gets its own lines. */
const INLINE_MAX = 100;

/**
 * What happened and how well it is accounted for, in a line: "41 minutes of shell, recorded · sftp, moved 3 files, all hashed · tunnel,
 * 12.0 MiB, content not recorded". No commands, paths or destinations.
 */
export function coverageLine(channels: readonly ChannelSummary[]): string {
  if (channels.length === 0) return 'nothing was run or copied';
  const groups = new Map<string, ChannelSummary[]>();
  for (const channel of channels) {
    const key = `${nameOf(channel)}/${channel.coverage}`;
    const group = groups.get(key);
    if (group) group.push(channel);
    else groups.set(key, [channel]);
  }
  const parts = [...groups.values()].map(groupWords);
  const more = parts.length - GROUPS_MAX;
  return more > 0 ? `${parts.slice(0, GROUPS_MAX).join(' · ')} · and more` : parts.join(' · ');
}

/** A label comes from the worker: it names a protocol, or what the channel began as. */
function nameOf({ kind, label, command }: ChannelSummary): string {
  if (kind === 'shell' || kind === 'tunnel') return kind;
  if (kind === 'exec') return label === '' || label === 'terminal' || label === 'command' ? 'command' : label;
  return label === '' && command === 'sftp' ? 'sftp' : label || 'subsystem';
}

function groupWords(channels: readonly ChannelSummary[]): string {
  const [first] = channels;
  if (!first) return '';
  const name = nameOf(first).slice(0, LABEL_MAX);
  const isNoun = name === 'shell' || name === 'tunnel' || name === 'command' || name === 'subsystem';
  const amount = channelCount(channels);
  const many = amount === 1 ? name : isNoun ? count(amount, name) : `${amount} ${name}`;
  if (first.label === '') return amount === 1 ? `1 ${name}` : many;
  if (first.coverage === 'opaque') return `${many}, ${bytes(total(channels))}, content not recorded`;
  const files = isMixed(first) ? null : sumOf(channels);
  if (files) return `${many}, ${fileWords(files)}`;
  const recorded = first.coverage === 'metadata' ? 'partly recorded, the rest as digests' : 'recorded';
  const time = channels.some(isTimed) ? roughly(lasted(channels)) : '';
  if (first.kind === 'shell' && time !== '') return `${time} of ${amount === 1 ? name : many}, ${recorded}`;
  if (name !== 'command') return `${many}, ${recorded}`;
  const ran = amount === 1 ? 'ran a command' : `ran ${many}`;
  return `${time === '' ? ran : `${ran} for ${time}`}, ${recorded}`;
}

/** It began as a transfer and continued as something else, so its files are not all there is to it. */
const isMixed = ({ label }: ChannelSummary): boolean => label.includes(' then ');

/** Old summaries have no times. */
const isTimed = ({ startedAt, endedAt }: ChannelSummary): boolean => startedAt > 0 && endedAt >= startedAt;

const lasted = (channels: readonly ChannelSummary[]): number =>
  channels.filter(isTimed).reduce((all, { startedAt, endedAt }) => all + endedAt - startedAt, 0);

const total = (channels: readonly ChannelSummary[]): number =>
  channels.reduce((all, { bytesFromClient, bytesToClient }) => all + bytesFromClient + bytesToClient, 0);

function sumOf(channels: readonly ChannelSummary[]): FileCounts | null {
  const counted = channels.flatMap(({ files }) => files ?? []);
  if (counted.length === 0) return null;
  const sum = (pick: (files: FileCounts) => number): number => counted.reduce((all, files) => all + pick(files), 0);
  return {
    read: sum((files) => files.read),
    written: sum((files) => files.written),
    changed: sum((files) => files.changed),
    refused: sum((files) => files.refused),
    hashed: sum((files) => files.hashed),
  };
}

function fileWords({ read, written, changed, refused, hashed }: FileCounts): string {
  const passed = read + written;
  return [
    passed === 0 ? 'no files moved' : `moved ${count(passed, 'file')}, ${hashedWords(hashed, passed)}`,
    ...(changed === 0 ? [] : [`${changed} changed`]),
    ...(refused === 0 ? [] : [`${refused} refused`]),
  ].join(', ');
}

const hashedWords = (hashed: number, passed: number): string => {
  if (hashed !== passed) return `${hashed} of them hashed`;
  return passed === 1 ? 'hashed' : 'all hashed';
};

const COVERED: Readonly<Record<ChannelSummary['coverage'], string>> = {
  full: 'recorded in full',
  metadata: 'partly recorded, the rest as digests',
  opaque: 'counted, contents not recorded',
};

/** What happened in one channel, for security: "Ran `uptime`, exit 0, recorded in full". A long command comes separately. */
export function deedOf(channel: ChannelSummary): { readonly said: Line; readonly command: string | null } {
  const { command } = channel;
  const apart = command !== null && isLong(command);
  // The last channels are shown one by one. Earlier ones are grouped, with their number.
  const times = channel.count === undefined ? [] : line`, ${own(`${channel.count} times`)}`;
  const said = line`${what(channel, apart)}${times}${outcome(channel)}`;
  return { said: apart ? line`${said}:` : said, command: apart ? command : null };
}

const isLong = (command: string): boolean => command.length > INLINE_MAX || /[\r\n]/.test(command);

function what(channel: ChannelSummary, apart: boolean): Line {
  const { kind, label, command, pty, destination } = channel;
  if (kind === 'shell') return pty ? line`*Interactive shell*` : line`*Shell* without a terminal`;
  if (kind === 'tunnel') {
    const unknown = channel.count === undefined ? 'an unknown destination' : 'several destinations';
    const to = destination === null ? unknown : `${destination.host}:${destination.port}`;
    return line`*Tunnel* to ${mono(to, HOST_MAX)}`;
  }
  if (channel.count !== undefined && kind === 'exec') return line`*Ran* earlier commands`;
  const named = command === null || apart ? [] : line` ${mono(command, INLINE_MAX)}`;
  if (kind === 'subsystem') {
    return label === '' || label === command
      ? line`*Used*${named}`
      : line`*Used* ${value(label, LABEL_MAX)} as${named}`;
  }
  const isProgram = label === '' || label === 'terminal' || label === 'command';
  const ran = isProgram
    ? line`${own(apart ? '*Ran this*' : '*Ran*')}${named}`
    : line`*Ran* ${value(label, LABEL_MAX)}${apart ? [] : line`:`}${named}`;
  return pty ? line`${ran} in a terminal` : ran;
}

function outcome(channel: ChannelSummary): Line {
  const { coverage, files, kind, label } = channel;
  const parts = [
    ...(isTimed(channel) ? [`for ${roughly(channel.endedAt - channel.startedAt)}`] : []),
    ...(files === null ? [] : [fileDeeds(files)]),
    ...(kind === 'tunnel' ? [bytes(total([channel]))] : []),
    ...(kind !== 'shell' || channel.exit?.kind !== 'status' || channel.exit.code !== 0 ? [exitOf(channel)] : []),
    ...(label === '' ? [] : [files === null || isMixed(channel) ? COVERED[coverage] : 'listed in the recording']),
  ];
  const said = parts.filter((part) => part !== '');
  if (said.length === 0) return [];
  const [first = '', ...rest] = said;
  return own(`${first.startsWith('for ') ? ' ' : ', '}${[first, ...rest].join(', ')}`);
}

const fileDeeds = ({ read, written, changed, refused, hashed }: FileCounts): string =>
  [
    ...(read === 0 ? [] : [`read ${count(read, 'file')}`]),
    ...(written === 0 ? [] : [`wrote ${count(written, 'file')}`]),
    ...(read + written === 0 ? ['no files moved'] : [hashedWords(hashed, read + written)]),
    ...(changed === 0 ? [] : [`${changed} changed`]),
    ...(refused === 0 ? [] : [`${refused} refused`]),
  ].join(', ');

export function exitOf({ exit }: ChannelSummary): string {
  if (exit === null) return '';
  if (exit.kind === 'status') return `exit ${exit.code}`;
  // The target names the signal; what is not shaped like one (RFC 4254 §6.10) is not repeated.
  return /^[A-Z0-9]{1,12}$/.test(exit.name) ? `signal ${exit.name}` : 'an unknown signal';
}

import type { ChannelSummary, FileCounts } from '../access/session.ts';
import { code, escapeText } from './text.ts';
import { bytes, count, roughly } from './words.ts';

const GROUPS_MAX = 6;
const HOST_MAX = 100;
const LABEL_MAX = 32;

/**
 * How well what passed is accounted for, in a line: "shell 41 minutes recorded · sftp 3 files hashed · tunnel 12.0 MiB opaque". No
 * commands, paths or destinations.
 */
export function coverageLine(channels: readonly ChannelSummary[]): string {
  if (channels.length === 0) return 'no channels';
  const groups = new Map<string, ChannelSummary[]>();
  for (const channel of channels) {
    const key = `${nameOf(channel)}/${channel.coverage}`;
    groups.set(key, [...(groups.get(key) ?? []), channel]);
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
  const name = escapeText(nameOf(first), LABEL_MAX);
  const isNoun = name === 'shell' || name === 'tunnel' || name === 'command' || name === 'subsystem';
  const many = channels.length === 1 ? name : isNoun ? count(channels.length, name) : `${channels.length} ${name}`;
  if (first.label === '') return channels.length === 1 ? `1 ${name}` : many;
  if (first.coverage === 'opaque') return `${many} ${bytes(total(channels))} opaque`;
  const files = sumOf(channels);
  if (files) return `${many} ${fileWords(files)}`;
  if (first.coverage === 'metadata') return `${many} recorded in part, the rest by digest`;
  return first.kind === 'shell' ? `${many} ${roughly(lasted(channels))} recorded` : `${many} recorded`;
}

/** Old summaries say nothing of it. */
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
  const content = hashed === passed ? `${count(passed, 'file')} hashed` : `${count(passed, 'file')}, ${hashed} hashed`;
  return [
    passed === 0 ? 'no content' : content,
    ...(changed === 0 ? [] : [`${changed} changed`]),
    ...(refused === 0 ? [] : [`${refused} refused`]),
  ].join(', ');
}

const COVERED: Readonly<Record<ChannelSummary['coverage'], string>> = {
  full: 'recorded whole',
  metadata: 'recorded in part, the rest by digest',
  opaque: 'opaque: counted, not read',
};

/** What security reads of one channel beside its command: protocol, coverage, how long, where to, which files. */
export function accountOf(channel: ChannelSummary): string {
  const { label, coverage, files, destination } = channel;
  return [
    ...(destination === null ? [] : [`to ${code(`${destination.host}:${destination.port}`, HOST_MAX)}`]),
    ...(label === '' ? [] : [`${escapeText(label, LABEL_MAX)} ${files ? 'logged' : COVERED[coverage]}`]),
    ...(files === null ? [] : [`${files.read} read, ${files.written} written, ${fileTail(files)}`]),
    ...(isTimed(channel) ? [roughly(channel.endedAt - channel.startedAt)] : []),
  ].join(' · ');
}

const fileTail = ({ changed, refused, hashed }: FileCounts): string =>
  `${changed} changed, ${refused} refused, ${hashed} hashed`;

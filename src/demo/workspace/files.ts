import { z } from 'zod';
import type { Core } from './core.ts';
import { invalid, SlackError } from './errors.ts';
import { id, joined, json, type Method, method } from './method.ts';
import { fileObject } from './objects.ts';

export const FILE_MAX = 5 * 1024 * 1024;
const NAME_MAX = 255;
const FILES_PER_MESSAGE = 10;

export const FILES: Readonly<Record<string, Method>> = {
  'files.getUploadURLExternal': method({
    need: 'files:write',
    args: z.object({
      filename: z.string().min(1).max(NAME_MAX),
      length: z.coerce.number().int().min(1).max(FILE_MAX),
      alt_txt: z.string().max(1_000).optional(),
      snippet_type: z.string().max(100).optional(),
    }),
    run: (core, { filename: name, length }) => {
      const fileId = core.state.nextId('F');
      core.state.addFile({ id: fileId, name, length, title: name, content: null, sharedIn: null });
      return { upload_url: `${core.origin()}/upload/v1/${fileId}`, file_id: fileId };
    },
  }),
  'files.completeUploadExternal': method({
    need: 'files:write',
    args: z.object({
      files: json(
        z
          .array(z.object({ id, title: z.string().max(NAME_MAX).optional() }))
          .min(1)
          .max(FILES_PER_MESSAGE),
      ),
      channel_id: id.optional(),
      thread_ts: z.string().optional(),
      initial_comment: z.string().optional(),
    }),
    run: (core, args) => {
      const files = args.files.map(({ id: fileId, title }) => {
        const file = core.state.files.get(fileId);
        if (!file?.content) throw new SlackError('file_not_found');
        if (file.sharedIn !== null) throw invalid('invalid_arguments', ['[ERROR] the file is complete already']);
        return { file, title: title ?? file.name };
      });
      const channel = args.channel_id === undefined ? null : joined(core, args.channel_id);
      if (args.thread_ts !== undefined && channel && !core.state.message(channel.id, args.thread_ts)) {
        throw new SlackError('thread_not_found');
      }
      for (const { file, title } of files) Object.assign(file, { title, sharedIn: channel?.id ?? '' });
      if (channel) {
        core.state.post({
          ...{ channel: channel.id, user: core.state.bot, text: args.initial_comment ?? '', blocks: [] },
          ...{ threadTs: args.thread_ts ?? null, metadata: null, onlyFor: null },
          files: files.map(({ file }) => file.id),
        });
      }
      return { files: files.map(({ file }) => fileObject(file)) };
    },
  }),
  'files.info': method({
    need: 'files:read',
    args: z.object({ file: id }),
    run: (core, args) => {
      const file = core.state.files.get(args.file);
      if (!file) throw new SlackError('file_not_found');
      return { file: fileObject(file) };
    },
  }),
};

/** The bytes behind an upload URL: exactly as many as were announced, once. */
export function receiveUpload(core: Core, fileId: string, content: Uint8Array): void {
  const file = core.state.files.get(fileId);
  if (!file || file.content !== null) throw new SlackError('file_not_found');
  if (content.length !== file.length) throw new SlackError('size_mismatch');
  file.content = content;
}

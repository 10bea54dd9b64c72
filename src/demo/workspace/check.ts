import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { type Block, HomeView, type Interactive, LIMITS, MessageBlocks, ModalView, type View } from './blocks.ts';
import { invalid, SlackError } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** Blocks of a message, checked as a whole, every block and element with an id. */
export function checkBlocks(given: unknown): Block[] {
  if (!Array.isArray(given)) throw invalid('invalid_blocks_format', ['[ERROR] blocks must be an array']);
  const parsed = MessageBlocks.safeParse(given);
  if (!parsed.success) throw invalid('invalid_blocks', problemsOf(parsed.error, '/blocks', given));
  const problems = problemsAcross(parsed.data, '/blocks');
  if (problems.length > 0) throw invalid('invalid_blocks', problems);
  if (textLength(parsed.data) > LIMITS.blocksText) throw new SlackError('msg_blocks_too_long');
  return withIds(parsed.data);
}

/** A view as Slack takes it for a modal or a home tab. */
export function checkView(given: unknown, type: 'modal' | 'home'): View {
  if (Buffer.byteLength(JSON.stringify(given) ?? '') > LIMITS.viewBytes) throw new SlackError('view_too_large');
  const parsed = (type === 'modal' ? ModalView : HomeView).safeParse(given);
  if (!parsed.success) throw invalid('invalid_arguments', problemsOf(parsed.error, '/view', given));
  const problems = problemsAcross(parsed.data.blocks, '/view/blocks');
  if (problems.length > 0) throw invalid('invalid_arguments', problems);
  return { ...parsed.data, blocks: withIds(parsed.data.blocks) };
}

type Placed = { readonly block: Block; readonly element: Interactive; readonly path: string };

/** Elements that a person can use, with the blocks they stand in. */
export function interactives(blocks: readonly Block[]): Placed[] {
  return blocks.flatMap((block, index): Placed[] => {
    if (block.type === 'actions') {
      return block.elements.map((element, at) => ({ block, element, path: `${index}/elements/${at}` }));
    }
    if (block.type === 'input') return [{ block, element: block.element, path: `${index}/element` }];
    if (block.type === 'section' && block.accessory && block.accessory.type !== 'image') {
      return [{ block, element: block.accessory, path: `${index}/accessory` }];
    }
    return [];
  });
}

/** The options that an element itself lists. */
export function optionsOf(
  element: Interactive,
): readonly { readonly value: string; readonly text: { text: string } }[] {
  const listed = 'options' in element ? (element.options ?? []) : [];
  const grouped = 'option_groups' in element ? (element.option_groups ?? []).flatMap((group) => group.options) : [];
  return [...listed, ...grouped];
}

function problemsAcross(blocks: readonly Block[], base: string): string[] {
  const problems: string[] = [];
  const once = (seen: Set<string>, id: string | undefined, what: string, path: string): void => {
    if (id === undefined) return;
    if (seen.has(id))
      problems.push(`[ERROR] \`${what}\` "${id}" already exists [json-pointer:${base}/${path}/${what}]`);
    seen.add(id);
  };
  const blockIds = new Set<string>();
  for (const [index, block] of blocks.entries()) once(blockIds, block.block_id, 'block_id', String(index));
  const actionIds = new Set<string>();
  let focused = 0;
  for (const { element, path } of interactives(blocks)) {
    once(actionIds, element.action_id, 'action_id', path);
    if ('focus_on_load' in element && element.focus_on_load) focused += 1;
    for (const problem of elementProblems(element)) problems.push(`[ERROR] ${problem} [json-pointer:${base}/${path}]`);
  }
  if (focused > 1) problems.push(`[ERROR] only one element may have focus_on_load [json-pointer:${base}]`);
  return problems;
}

function elementProblems(element: Interactive): string[] {
  const problems: string[] = [];
  const options = optionsOf(element);
  if (element.type === 'static_select' || element.type === 'multi_static_select') {
    if (element.options && element.option_groups) problems.push('options and option_groups cannot both be given');
    if (options.length === 0) problems.push('missing required field: options');
  }
  const initial = [
    ...('initial_option' in element && element.initial_option ? [element.initial_option] : []),
    ...('initial_options' in element ? (element.initial_options ?? []) : []),
  ];
  const asks = element.type === 'external_select' || element.type === 'multi_external_select';
  const listed = (value: string, label: string): boolean =>
    options.some((each) => each.value === value && each.text.text === label);
  if (!asks && initial.some((each) => !listed(each.value, each.text.text))) {
    problems.push('initial options must be among the options');
  }
  const values = options.map((each) => each.value);
  if (new Set(values).size < values.length) problems.push('option values must be unique');
  if ('max_selected_items' in element && initial.length > (element.max_selected_items ?? initial.length)) {
    problems.push('more initial options than max_selected_items');
  }
  if (element.type === 'plain_text_input') {
    const { initial_value: value = '', min_length: min = 0, max_length: max = LIMITS.inputText } = element;
    if (value.length > max || min > max) problems.push('initial_value or min_length is beyond max_length');
  }
  return problems;
}

/** Characters of all texts of a message, which Slack bounds together. */
function textLength(blocks: readonly Block[]): number {
  let length = 0;
  JSON.stringify(blocks, (key, value: unknown) => {
    if ((key === 'text' || key === 'fallback') && typeof value === 'string') length += value.length;
    return value;
  });
  return length;
}

function withIds(blocks: readonly Block[]): Block[] {
  const fresh = (): string => randomBytes(4).toString('base64url').slice(0, 5);
  const named = <Part extends { action_id?: string | undefined }>(part: Part): Part => ({
    ...part,
    action_id: part.action_id ?? fresh(),
  });
  return blocks.map((block) => {
    const whole = { ...block, block_id: block.block_id ?? fresh() };
    if (whole.type === 'actions') return { ...whole, elements: whole.elements.map(named) };
    if (whole.type === 'input') return { ...whole, element: named(whole.element) };
    if (whole.type === 'section' && whole.accessory && whole.accessory.type !== 'image') {
      return { ...whole, accessory: named(whole.accessory) };
    }
    return whole;
  });
}

const PROBLEMS_MAX = 20;

function problemsOf(error: z.ZodError, base: string, given: unknown): string[] {
  return error.issues
    .flatMap((issue) => flatten(issue, []))
    .slice(0, PROBLEMS_MAX)
    .map(({ issue, path }) => `[ERROR] ${wordIssue(issue, path, given)} [json-pointer:${[base, ...path].join('/')}]`);
}

function flatten(issue: Issue, above: readonly PropertyKey[]): { issue: Issue; path: string[] }[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const [closest] = [...issue.errors].sort((one, other) => one.length - other.length);
    return (closest ?? []).flatMap((each) => flatten(each, path));
  }
  return [{ issue, path: path.map(String) }];
}

function wordIssue(issue: Issue, path: readonly string[], given: unknown): string {
  switch (issue.code) {
    case 'invalid_union':
      return `unsupported type: ${String(at(given, path)).slice(0, 60)}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `no more than ${issue.maximum} items allowed`
        : `must be less than ${Number(issue.maximum) + 1} characters`;
    case 'too_small':
      return issue.origin === 'array'
        ? `no fewer than ${issue.minimum} items allowed`
        : `must be more than ${Number(issue.minimum) - 1} characters`;
    case 'unrecognized_keys':
      return `invalid additional property: ${issue.keys.join(', ')}`;
    case 'invalid_type':
      return at(given, path) === undefined
        ? `missing required field: ${path.at(-1) ?? ''}`
        : `must provide a ${issue.expected}`;
    default:
      return issue.message;
  }
}

function at(given: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    given,
  );
}

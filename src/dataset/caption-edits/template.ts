/** @file Captions from a template: `{trigger}, {folder}, {caption}`. */
import { usageError } from '../../errors.ts';
import { withTrigger } from '../captions.ts';

export interface TemplateValues {
  readonly trigger: string;
  /** What the folder is called, without kohya's number of repeats. */
  readonly folder: string;
  /** The picture's name without its ending. */
  readonly name: string;
  readonly caption: string;
}

export const templateFields = ['trigger', 'folder', 'name', 'caption'] as const;

const field = /\{(\w*)\}/g;

/** Throws CAPTION_TEMPLATE for fields that there are not, and for `{trigger}` without one. */
export function checkTemplate(template: string, trigger: string | undefined): void {
  const known: readonly string[] = templateFields;
  const hint = `Fields: ${templateFields.map(name => `{${name}}`).join(', ')}. {red|blue} stays as it is.`;
  for (const [whole, name] of template.matchAll(field)) {
    if (!known.includes(name))
      throw usageError('CAPTION_TEMPLATE', `--template ${template}: ${whole} is no field`, hint);
    if (name === 'trigger' && !trigger)
      throw usageError('CAPTION_TEMPLATE', `--template ${template}: which {trigger}?`, 'Add --trigger.');
  }
  if (template.trim() === '') throw usageError('CAPTION_TEMPLATE', '--template is empty', hint);
}

/** Takes out what empty fields leave: doubled separators and spaces, and those at the ends. */
export function tidied(text: string): string {
  return text
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?,(?: ?,)+/g, ',')
    .replace(/ ,/g, ',')
    .replace(/^[ ,]+|[ ,]+$/g, '');
}

/**
 * Fills a template. A caption that holds the trigger word already does not get it twice, so that a template may be used
 * again on what it made.
 */
export function fillTemplate(template: string, values: TemplateValues): string {
  const { trigger, caption } = values;
  const isThere =
    template.includes('{caption}') && trigger !== '' && withTrigger(caption, trigger) === caption;
  const filled: Readonly<Record<string, string>> = { ...values, ...(isThere ? { trigger: '' } : {}) };
  return tidied(template.replace(field, (whole, name: string) => filled[name] ?? whole));
}

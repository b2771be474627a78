/** @file What is said of a trigger word: where it is in captions, and whether the model knows it already. */
import type { DatasetReport } from '../data/report-view.ts';
import { hasTrigger } from './preview-prompts.ts';

interface TriggerWords {
  readonly hint: string;
  readonly warning?: string | undefined;
}

/** What is said below the word, from the captions at once and from the report when it is there. */
export function triggerWords(
  word: string,
  captions: readonly string[],
  report: Pick<DatasetReport, 'findings' | 'trigger'> | undefined,
): TriggerWords {
  if (word === '')
    return {
      hint: 'A word of your own that means nothing yet, such as zorbi. You write it into prompts to call the LoRA.',
    };
  const having = captions.filter(caption => hasTrigger(caption, word)).length;
  const added = captions.length - having;
  const where =
    captions.length === 0
      ? ''
      : added === 0
        ? 'It is in all captions.'
        : `It is in ${having} of ${captions.length} captions and is put in front of the others.`;
  const isOfWord = report?.trigger.word?.toLowerCase() === word.toLowerCase();
  const known = isOfWord ? report?.findings.find(({ code }) => code === 'TRIGGER_KNOWN') : undefined;
  if (known) return { hint: where, warning: [known.text, known.action].filter(Boolean).join(' ') };
  return { hint: `${where}${isOfWord ? ' The model does not know it yet: good.' : ''}`.trim() };
}

/** @file NovelAI: `Comment` JSON, `Description`, `Source`; as chunks, or all of it hidden in the pixels. */
import type { Candidates } from '../found-settings.ts';
import { asText, isObject, leftOver, parseLooseJson } from '../json-values.ts';

const taken = new Set(
  'prompt uc seed steps scale sampler noise_schedule width height cfg_rescale strength v4_prompt v4_negative_prompt'.split(
    ' ',
  ),
);

/** `{ caption: { base_caption } }` of version 4. */
function captionOf(value: unknown): string | undefined {
  const caption = isObject(value) && isObject(value.caption) ? value.caption.base_caption : undefined;
  return asText(caption);
}

export function readNovelAi(texts: Readonly<Record<string, unknown>>): Candidates {
  const parsed = parseLooseJson(asText(texts.Comment) ?? '');
  const comment = isObject(parsed) ? parsed : {};
  const source = asText(texts.Source)?.trim() ?? '';
  const at = source.lastIndexOf(' ');
  const hash = source.slice(at + 1);
  const isHashed = at > 0 && /^[0-9A-F]{8,64}$/.test(hash);
  const name = isHashed ? source.slice(0, at) : source;
  const prompt = captionOf(comment.v4_prompt) ?? comment.prompt ?? texts.Description;
  const values = {
    prompt,
    negativePrompt: captionOf(comment.v4_negative_prompt) ?? comment.uc,
    ...{ seed: comment.seed, steps: comment.steps, guidance: comment.scale },
    sampler: asText(comment.sampler)?.replace(/^ddim_v3$/, 'ddim'),
    scheduler: comment.noise_schedule === 'native' ? 'Automatic' : (comment.noise_schedule ?? 'Automatic'),
    ...{ width: comment.width, height: comment.height },
    guidanceRescale: comment.cfg_rescale,
    denoising: comment.strength,
    model: source ? { name, ...(isHashed ? { hash } : {}) } : undefined,
    ...{ noise: 'cpu', preset: 'a1111' },
  };
  const findings =
    typeof prompt === 'string' && /[{[]/.test(prompt)
      ? [
          {
            code: 'NOVELAI_EMPHASIS',
            message: 'the prompt has NovelAI’s emphasis ({} and [], 1.05 each), which reads otherwise here',
          },
        ]
      : [];
  return { values, other: leftOver(comment, taken), findings };
}

/** @file InvokeAI: `invokeai_metadata` (version 3 on), `sd-metadata` (version 2) and `Dream` (before). */
import type { Candidates, Finding } from '../found-settings.ts';
import { asList, asText, entryOf, isObject, type JsonObject, leftOver } from '../json-values.ts';

/** `euler_k` is Euler with Karras' sigmas. */
function samplerOf(name: unknown): { sampler?: string; scheduler?: string } {
  const text = asText(name);
  if (text === undefined) return {};
  const isKarras = /^(?!k_).*_k$/.test(text);
  return { sampler: isKarras ? text.slice(0, -2) : text, scheduler: isKarras ? 'Karras' : 'Automatic' };
}

/** `{ name | model_name, hash }`; of the hashes only sha256 finds a file here. */
function modelOf(model: unknown): { name?: string; hash?: string } | undefined {
  if (typeof model === 'string') return { name: model };
  if (!isObject(model)) return undefined;
  const [name, hash] = [asText(model.name) ?? asText(model.model_name), asText(model.hash)];
  const sha256 = hash?.startsWith('sha256:') ? hash.slice(7) : undefined;
  if (name === undefined && sha256 === undefined) return undefined;
  return { ...(name === undefined ? {} : { name }), ...(sha256 === undefined ? {} : { hash: sha256 }) };
}

function lorasOf(loras: unknown): unknown[] {
  return asList(loras).flatMap(item => {
    if (!isObject(item)) return [];
    const model = modelOf(item.lora) ?? modelOf(item.model);
    return model?.name === undefined ? [] : [{ ...model, strength: item.weight ?? 0.75, inPrompt: false }];
  });
}

/** `word++` and `(words)1.3` are Invoke's emphasis, which reads otherwise here. */
function emphasisFindings(prompt: unknown): Finding[] {
  return typeof prompt === 'string' && /[^\s+]\+|\)\d|\)[+-]/.test(prompt)
    ? [
        {
          code: 'INVOKE_EMPHASIS',
          message: 'the prompt has InvokeAI’s emphasis (word+, (words)1.2), which means nothing here',
        },
      ]
    : [];
}

const read = new Set(
  (
    'positive_prompt negative_prompt seed steps scheduler cfg_scale cfg_rescale_multiplier width height clip_skip model vae ' +
    'loras strength rand_device init_image app_version generation_mode'
  ).split(' '),
);

export function readInvoke(json: JsonObject): Candidates {
  const loras = lorasOf(json.loras);
  const skipped = Number(asText(json.clip_skip) ?? 0);
  const init = asText(json.init_image);
  const values = {
    prompt: json.positive_prompt,
    negativePrompt: json.negative_prompt,
    ...{
      seed: json.seed,
      steps: json.steps,
      guidance: json.cfg_scale,
      guidanceRescale: json.cfg_rescale_multiplier,
    },
    ...samplerOf(json.scheduler),
    ...{ width: json.width, height: json.height },
    // Invoke counts the layers that are left out.
    clipSkip: skipped + 1,
    model: modelOf(json.model),
    vae: modelOf(json.vae),
    loras: loras.length > 0 ? loras : undefined,
    denoising: json.strength,
    init: init === undefined ? undefined : { name: init },
    noise: json.rand_device === 'cuda' ? 'philox' : 'cpu',
    preset: 'diffusers',
  };
  return { values, other: leftOver(json, read), findings: emphasisFindings(json.positive_prompt) };
}

/** `prompt [negative] prompt [negative]` */
function splitBrackets(text: string): { prompt: string; negativePrompt: string } {
  const negative: string[] = [];
  const positive = text.replace(/\[([^[\]]*)\]/g, (_, inside: string) => {
    negative.push(inside);
    return '';
  });
  const tidy = (part: string): string => part.replace(/^[\s,]+/, '').replace(/[\s,]{1,1000}$/, '');
  return { prompt: tidy(positive), negativePrompt: negative.map(tidy).join(', ') };
}

export function readInvokeImage(json: JsonObject): Candidates {
  const image = isObject(json.image) ? json.image : {};
  const [first] = asList(image.prompt);
  const text = asText(isObject(first) ? first.prompt : image.prompt) ?? '';
  const values = {
    ...splitBrackets(text),
    ...{
      seed: image.seed,
      steps: image.steps,
      guidance: image.cfg_scale,
      width: image.width,
      height: image.height,
    },
    ...samplerOf(image.sampler),
    // Its hash is that of the weights in memory, which no file has.
    model: modelOf(json.model_weights),
    denoising: image.strength,
    ...{ noise: 'cpu', preset: 'diffusers' },
  };
  const taken = new Set(['prompt', 'seed', 'steps', 'cfg_scale', 'width', 'height', 'sampler', 'strength']);
  const other = {
    ...leftOver(json, new Set(['image', 'model_weights', 'app_id', 'app_version', 'model'])),
    ...leftOver(image, taken),
  };
  return { values, other, findings: emphasisFindings(text) };
}

const dreamFlags: Readonly<Record<string, string>> = {
  ...{ s: 'steps', S: 'seed', W: 'width', H: 'height', C: 'guidance', A: 'sampler', f: 'denoising' },
};

/** `"prompt [negative]" -s 50 -S 1 -W 512 -H 512 -C 7.5 -A k_lms` */
export function readDream(text: string): Candidates {
  const end = text.lastIndexOf('"');
  const isQuoted = text.startsWith('"') && end > 0;
  const flags = new Map<string, string>();
  const words = (isQuoted ? text.slice(end + 1) : '').split(/\s+/);
  for (const [i, word] of words.entries())
    if (/^-[a-z]/i.test(word) && i + 1 < words.length) flags.set(word.slice(1), words[i + 1]);
  const values: Record<string, unknown> = splitBrackets(isQuoted ? text.slice(1, end) : text);
  const other: [string, string][] = [];
  for (const [flag, value] of flags) {
    const field = entryOf(dreamFlags, flag);
    if (field === undefined) other.push([`-${flag}`, value]);
    else values[field] = value;
  }
  return {
    values: { ...values, ...samplerOf(values.sampler), noise: 'cpu', preset: 'diffusers' },
    other: Object.fromEntries(other),
    findings: emphasisFindings(values.prompt),
  };
}

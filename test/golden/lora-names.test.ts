/** Names of LoRA modules against those that other programs give them (tools/goldens/lora_names.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Shape } from '../../src/engine/index.ts';
import { type NamingName, nameOf, namings, parseName, splitTarget } from '../../src/lora/names/namings.ts';
import { splitKey } from '../../src/lora/names/suffixes.ts';
import { architectures, encoderShapes } from '../../src/models/checkpoint/single/architectures.ts';
import { unetShapes } from '../../src/models/index.ts';

interface Digest {
  count: number;
  sha256: string;
  samples: string[];
}
type ModuleDigest = Digest & { modules: Record<string, number>; parametersPerRank: Record<string, number> };
type Family = 'sd15' | 'sd2' | 'sdxl';

interface Golden {
  sdScripts: Record<Family, { linear: ModuleDigest; conv: ModuleDigest }>;
  kohyaToDiffusers: Partial<Record<Family, Digest>>;
  lycoris: Record<Family, Digest>;
  diffusers: Record<Family, { diffusers: Digest; kohya: Digest }>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/lora-names.json', import.meta.url), 'utf8'));

interface Layer {
  readonly target: string;
  readonly shape: Shape;
}

/** Everything with a weight in a family's UNet and text encoders: norms and embeddings too. */
function layersOf(family: Family): Layer[] {
  const architecture = architectures.find(one => one.family === family);
  if (!architecture) throw new Error(family);
  const parts = [
    ['unet', unetShapes(architecture.unet)] as const,
    ...architecture.text.map(
      (kind, i) => [i === 0 ? 'text_encoder' : 'text_encoder_2', encoderShapes(kind)] as const,
    ),
  ];
  return parts.flatMap(([part, shapes]) =>
    [...shapes]
      .filter(([name]) => name.endsWith('.weight'))
      .map(([name, shape]) => ({ target: `${part}.${name.slice(0, -7)}`, shape })),
  );
}

const families = ['sd15', 'sd2', 'sdxl'] as const;
const layers = Object.fromEntries(families.map(family => [family, layersOf(family)])) as Record<
  Family,
  Layer[]
>;
const isLayer = ({ target, shape }: Layer): boolean => shape.length > 1 && !/embeddings\./.test(target);
const kohya = (family: Family): NamingName => (family === 'sdxl' ? 'kohyaSdxl' : 'kohya');
/** kohya's naming with Diffusers blocks. */
const kohyaDiffusers = (family: Family): NamingName => (family === 'sdxl' ? 'kohyaSdxlDiffusers' : 'kohya');

/** What diffusers' training scripts write for attention, and PEFT's words for the rest (PEFT_TO_DIFFUSERS). */
function diffusersEnd(target: string, role: 'down' | 'up'): string {
  if (/\.attn[12]\.to_(q|k|v|out\.0)$/.test(target)) return `.lora.${role}.weight`;
  if (/\.self_attn\.(q|k|v|out)_proj$/.test(target)) return `.lora_linear_layer.${role}.weight`;
  return role === 'down' ? '.lora_A.weight' : '.lora_B.weight';
}

function expectLines(lines: string[], { count, sha256, samples }: Digest): void {
  for (const sample of samples) expect(lines).toContain(sample);
  expect(lines).toHaveLength(count);
  expect(createHash('sha256').update(lines.sort().join('\n')).digest('hex')).toBe(sha256);
}

/** Which parts of a family a naming can name; a folder's name tells PEFT's second text encoder from the first. */
const nameable = (name: NamingName, family: Family): Layer[] =>
  layers[family].filter(({ target }) => {
    const { part } = splitTarget(target);
    return part in namings[name].prefixes && !(name === 'peft' && part === 'text_encoder_2');
  });

describe.each(families)('%s', family => {
  test.each(Object.keys(namings) as NamingName[])('every layer, there and back: %s', name => {
    const names = new Map(nameable(name, family).map(({ target }) => [nameOf(target, name, family), target]));
    expect(names.size).toBe(nameable(name, family).length);
    expect(names.size).toBeGreaterThan(300);
    for (const [text, target] of names) {
      const parsed = parseName(text);
      expect(`${parsed?.part}.${parsed?.path}`, text).toBe(target);
      if (name !== 'original') expect(parsed?.dialect).toBe(namings[name].dialect);
    }
  });

  test.each(['linear', 'conv'] as const)('sd-scripts trains these modules: %s', preset => {
    const inside =
      preset === 'linear' ? /\.attentions\./ : /\.(attentions|resnets|downsamplers|upsamplers)\./;
    const chosen = layers[family].filter(
      layer =>
        isLayer(layer) &&
        (layer.target.startsWith('unet.') ? inside : /\.(self_attn|mlp)\./).test(layer.target),
    );
    const facts = golden.sdScripts[family][preset];
    const counts: Record<string, number> = {};
    const parameters: Record<string, number> = {};
    const lines = chosen.map(({ target, shape: [out, ...columns] }) => {
      const name = nameOf(target, kohya(family), family);
      const [, part] = name.split('_');
      counts[part] = (counts[part] ?? 0) + 1;
      parameters[part] = (parameters[part] ?? 0) + out + columns.reduce((a, b) => a * b, 1);
      const down = [1, ...columns].join(', ');
      const up = [out, 1, ...columns.slice(1).map(() => 1)].join(', ');
      return `${name} [${down}] [${up}]`;
    });
    expect({ counts, parameters }).toEqual({ counts: facts.modules, parameters: facts.parametersPerRank });
    expectLines(lines, facts);
  });

  test('LyCORIS names norms and layers outside of the blocks so', () => {
    const chosen = layers[family].filter(({ target }) => !/embeddings\.|text_projection/.test(target));
    expectLines(
      chosen.map(({ target }) => nameOf(target, kohyaDiffusers(family), family)),
      golden.lycoris[family],
    );
  });

  test('diffusers writes these keys, in its own words and in those of kohya', () => {
    const keys = layers[family]
      .filter(layer => isLayer(layer) && !layer.target.endsWith('text_projection'))
      .flatMap(({ target }) => [
        { target, role: 'down' as const, peft: `${target}.lora_A.weight` },
        { target, role: 'up' as const, peft: `${target}.lora_B.weight` },
      ]);
    const own = keys.map(({ target, role, peft }) => `${peft} -> ${target}${diffusersEnd(target, role)}`);
    expectLines(own, golden.diffusers[family].diffusers);
    // It writes lora_te1_ also where there is one encoder.
    const theirs = keys.map(({ target, role, peft }) => {
      const name = nameOf(target, 'kohyaSdxlDiffusers', family);
      return `${peft} -> ${name}.lora_${role}.weight`;
    });
    expectLines(theirs, golden.diffusers[family].kohya);
    for (const line of [...own, ...theirs]) {
      const [peft, key] = line.split(' -> ');
      const [a, b] = [splitKey(peft), splitKey(key)].map(split => {
        const parsed = split && parseName(split.module);
        return [parsed?.part, parsed?.path, split?.role];
      });
      expect(b).toEqual(a);
    }
  });
});

test.each(Object.entries(golden.kohyaToDiffusers))(
  'kohya names of %s lead where diffusers takes them',
  (family, digest) => {
    const name = kohya(family as Family);
    const chosen = layers[family as Family].filter(
      layer =>
        isLayer(layer) && /^unet\..*\.(attentions|resnets|downsamplers|upsamplers)\./.test(layer.target),
    );
    const lines = chosen.map(({ target }) => {
      const text = nameOf(target, name, family as Family);
      const parsed = parseName(text);
      return `${text} -> ${parsed?.part}.${parsed?.path}.lora_A.weight`;
    });
    expectLines(lines, digest);
  },
);

/** OneTrainer's name of a layout → ours, and the end of a down matrix (tools/goldens/lora_onetrainer.py). */
const oneTrainer: Readonly<Record<string, readonly [(family: Family) => NamingName, string]>> = {
  kohya: [kohya, '.lora_down.weight'],
  legacy: [kohyaDiffusers, '.lora_down.weight'],
  comfy: [
    family => (({ sd15: 'comfySd1', sd2: 'comfySd2', sdxl: 'comfySdxl' }) as const)[family],
    '.lora_A.weight',
  ],
  original: [() => 'original', '.lora_A.weight'],
  diffusers: [() => 'diffusers', '.lora_A.weight'],
};
const oneTrainerGolden: Record<Family, Record<string, Digest>> = JSON.parse(
  readFileSync(new URL('./data/lora-onetrainer.json', import.meta.url), 'utf8'),
);

describe.each(families)('OneTrainer’s layouts of %s', family => {
  test.each(Object.entries(oneTrainer))('%s', (layout, [namingOf, end]) => {
    const naming = namingOf(family);
    const chosen = layers[family].filter(
      layer =>
        isLayer(layer) &&
        !layer.target.endsWith('text_projection') &&
        splitTarget(layer.target).part in namings[naming].prefixes,
    );
    const lines = chosen.map(({ target }) => `${target} -> ${nameOf(target, naming, family)}${end}`);
    expectLines(lines, oneTrainerGolden[family][layout]);
    for (const line of lines) {
      const [target, key] = line.split(' -> ');
      const split = splitKey(key);
      const parsed = parseName(split?.module ?? '');
      expect([`${parsed?.part}.${parsed?.path}`, split?.role], key).toEqual([target, 'down']);
    }
  });
});

test.each([
  // Diffusers of 2023 (utils/state_dict_utils.py).
  ['unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight', 'attn1.to_q'],
  ['mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight', 'attn2.to_out.0'],
  ['mid_block.attentions.0.transformer_blocks.0.attn2.to_out.lora_magnitude_vector', 'attn2.to_out.0'],
  ['text_encoder.text_model.encoder.layers.3.self_attn.to_out_lora.up.weight', 'self_attn.out_proj'],
  ['text_encoder.text_model.encoder.layers.3.mlp.fc1.lora_linear_layer.up.weight', 'mlp.fc1'],
  // PEFT with the name of an adapter, and transformers 5 without `text_model`.
  ['base_model.model.mid_block.attentions.0.proj_in.lora_A.my_adapter.weight', 'proj_in'],
  ['base_model.model.encoder.layers.3.self_attn.q_proj.lora_magnitude_vector', 'self_attn.q_proj'],
  ['lora_te1_text_model_encoder_layers_3_self_attn_q_proj.alpha', 'self_attn.q_proj'],
])('%s', (key, layer) => {
  const split = splitKey(key);
  expect(parseName(split?.module ?? '')?.path).toMatch(
    new RegExp(`(layers\\.3|attentions\\.0).*\\.${layer}$`),
  );
});

test.each([
  'lora_unet_double_blocks_0_img_attn_qkv',
  'transformer.transformer_blocks.0.attn.to_q',
  'lora_unet_down_blocks_0_attentions_0',
  'unet.__proto__',
  'lora_unet_constructor',
  '',
])('no layer of Stable Diffusion: %s', name => {
  expect(parseName(name)).toBeUndefined();
});

/** Which layers an expression chooses, on published models and against the numbers of kohya’s own code. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseTargets } from '../../src/lora/index.ts';
import { architectures, encoderShapes } from '../../src/models/checkpoint/single/architectures.ts';
import { type Checkpoint, type Family, type LayerInfo, unetShapes } from '../../src/models/index.ts';
import { type GivenRecipe, planRun } from '../../src/training/index.ts';

interface Golden {
  readonly blocks: { readonly index: { readonly sdxl: Readonly<Record<string, number>> } };
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/sd-scripts.json', import.meta.url), 'utf8'));

/** Linear layers and convolutions of published models. */
function layersOf(family: Family): { unet: LayerInfo[]; text: LayerInfo[] } {
  const architecture = architectures.find(one => one.family === family);
  if (!architecture) throw new Error(family);
  const list = (part: string, shapes: ReadonlyMap<string, readonly number[]>): LayerInfo[] =>
    [...shapes]
      .filter(
        ([name, shape]) => name.endsWith('.weight') && shape.length > 1 && !/embedding\.weight$/.test(name),
      )
      .map(([name, shape]) => ({ target: `${part}.${name.slice(0, -7)}`, shape }));
  const texts = architecture.text.map((kind, i) =>
    list(i === 0 ? 'text_encoder' : 'text_encoder_2', encoderShapes(kind)),
  );
  return { unet: list('unet', unetShapes(architecture.unet)), text: texts.flat() };
}

const sd15 = layersOf('sd15');
const sdxl = layersOf('sdxl');
const names = (layers: readonly LayerInfo[]): string[] => layers.map(({ target }) => target);
const choose = (expression: string): string[] =>
  names(chooseTargets(sd15.unet, expression, { family: 'sd15' }));

describe('what is trained, in numbers of kohya’s own code (reference: trainers.md §2.1)', () => {
  test.each([
    ['sd15', 192, 423_936, 72, 165_888],
    ['sd2', 192, 432_128, 138, 423_936],
    ['sdxl', 722, 2_659_840, 72 + 192, 165_888 + 737_280],
  ] as const)('%s', (family, unetCount, unetSize, textCount, textSize) => {
    const { unet, text } = layersOf(family);
    const size = (layers: readonly LayerInfo[]): number =>
      layers.reduce((sum, { shape: [out, ...rest] }) => sum + out + rest.reduce((a, b) => a * b, 1), 0);
    const linear = chooseTargets(unet, 'linear');
    expect([linear.length, size(linear)]).toEqual([unetCount, unetSize]);
    const mlp = chooseTargets(text, 'attention+mlp');
    expect([mlp.length, size(mlp)]).toEqual([textCount, textSize]);
    expect(names(chooseTargets(text, 'linear'))).toEqual(names(mlp));
    expect(chooseTargets(text, 'attention')).toHaveLength((mlp.length / 6) * 4);
  });
});

describe('expressions', () => {
  test.each([
    ['*.attn2.to_k', 16],
    ['*.attn2.to_k, *.attn2.to_v', 32],
    ['attention, !*.to_q', 96],
    ['!block:mid', 282 - 18],
    ['block:mid', 18],
    ['block:M00', 18],
    ['block:MID', 18],
    ['block:down', 101],
    ['block:down.0', 31],
    ['block:down_blocks.0', 31],
    ['attention&block:down.1', 16],
    ['attention & !block:down', 80],
    ['block:IN04&attention', 8],
    ['block:out05', 17],
    ['/attn[12]\\.to_(q|k)$/', 64],
    ['/ATTN2\\.TO_K$/i', 16],
    ['/to_k$/&block:up.3', 6],
    ['/\\.(to_q|to_k){1,2}$/, conv_in', 65],
    ['conv_in', 1],
  ])('%s chooses %i layers', (expression, count) => {
    expect(choose(expression)).toHaveLength(count);
  });

  test('exclusions alone take away from what is usual', () => {
    const chosen = chooseTargets(sd15.unet, '!block:mid', { family: 'sd15', start: 'linear' });
    expect(chosen).toHaveLength(192 - 12);
  });

  test('the middle of SDXL is one block, of three for kohya', () => {
    const middle = chooseTargets(sdxl.unet, 'block:M00', { family: 'sdxl' });
    expect(names(middle)).toEqual(names(sdxl.unet).filter(name => name.startsWith('unet.mid_block.')));
  });

  test('text encoders have blocks and globs too', () => {
    const chosen = names(chooseTargets(sdxl.text, 'block:layers.3&text_encoder_2.*', { family: 'sdxl' }));
    expect(chosen).toHaveLength(6);
    for (const name of chosen) expect(name).toContain('text_encoder_2.text_model.encoder.layers.3.');
    const all = chooseTargets([...sdxl.unet, ...sdxl.text], 'block:BASE', { family: 'sdxl' });
    expect(names(all)).toEqual(names(sdxl.text));
  });

  test('any order of the parts chooses the same layers, in the model’s order', () => {
    const parts = ['block:up.1', '*.to_k', '!*.attn1.*', 'block:mid', '!*.resnets.*'];
    const expected = choose(parts.join(','));
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: 5 }), shuffled => {
        expect(choose(shuffled.join(','))).toEqual(expected);
      }),
    );
    expect(expected).toEqual(names(sd15.unet).filter(name => expected.includes(name)));
  });
});

describe('what matches nothing is an error that says what is near', () => {
  test.each([
    ['atention', 'TARGET_UNKNOWN', /atention matches no layer/, /Near to it: attention,/],
    ['*.attn2.to_kk', 'TARGET_UNKNOWN', /\*\.attn2\.to_kk matches/, /Near to it: \*\.attn2\.to_k,/],
    ['attn2', 'TARGET_UNKNOWN', /attn2 matches no layer/, /\*\.attn2\.\*/],
    ['attention,*.to_z', 'TARGET_UNKNOWN', /\*\.to_z matches/, /\*\.to_[qkv]/],
    ['constructor', 'TARGET_UNKNOWN', /constructor matches/, /./],
    ['$$$', 'TARGET_UNKNOWN', /\$\$\$ matches no layer/, /Use attention/],
    ['block:down.9', 'TARGET_UNKNOWN', /block:down\.9 matches no layer/, /./],
    ['block:IN12', 'TARGET_UNKNOWN', /no block of this model/, /IN00 … OUT11/],
    ['block:toString', 'TARGET_UNKNOWN', /no block of this model/, /down/],
    ['attention&block:down.3', 'TARGET_UNKNOWN', /no layer is in all of them/, undefined],
    ['attention,!*.resnets.*', 'TARGET_UNKNOWN', /leaves nothing out/, undefined],
    ['attention,!attention', 'TARGET_UNKNOWN', /leaves no layer/, undefined],
    ['/attn[/', 'TARGET_INVALID', /Unterminated/, undefined],
    ['/attn', 'TARGET_INVALID', /has no \/ at its end/, undefined],
    ['/attn/g', 'TARGET_INVALID', /no flag g/, /only flag/],
    ['attention,', 'TARGET_INVALID', /is empty/, undefined],
    ['attention&', 'TARGET_INVALID', /is empty/, undefined],
    ['!', 'TARGET_INVALID', /is empty/, undefined],
  ])('%s', (expression, code, message, hint) => {
    const error = (() => {
      try {
        return choose(expression);
      } catch (cause) {
        return cause;
      }
    })();
    expect(error).toMatchObject({ code, exit: 'usage' });
    expect((error as Error).message).toMatch(message);
    if (hint) expect((error as { hint?: string }).hint).toMatch(hint);
  });

  test('no text at all makes it fail in another way', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30, unit: fc.constantFrom(...'ab*.,&!/:[]()\\?^$ 0') }), text => {
        try {
          expect(choose(text).length).toBeGreaterThan(0);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^TARGET_/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** As much of SDXL as a plan looks at. */
function sdxlCheckpoint(): Checkpoint {
  const partOf = (part: string, layers: readonly LayerInfo[]) => {
    const own = layers.filter(({ target }) => target.startsWith(`${part}.`));
    const shapes = new Map(
      own.map(({ target, shape }) => [`${target.slice(part.length + 1)}.weight`, shape]),
    );
    return { weights: { names: () => shapes.keys(), shape: (name: string) => shapes.get(name) } };
  };
  return {
    ...{ family: 'sdxl', resolution: 1024, latentScale: 8, unet: partOf('unet', sdxl.unet) },
    scheduler: { predictionType: 'epsilon', rescaleZeroTerminalSnr: false, trainSteps: 1000 },
    textEncoder: partOf('text_encoder', sdxl.text),
    textEncoder2: partOf('text_encoder_2', sdxl.text),
  } as unknown as Checkpoint;
}

describe('a run on SDXL', () => {
  const plan = (given: GivenRecipe) => planRun(sdxlCheckpoint(), given).layers;

  test('both text encoders with their own rates', () => {
    const layers = plan({ textTargets: 'attention+mlp', textLearningRate: [5e-5, 1e-5], learningRate: 1e-4 });
    const parts = Map.groupBy(layers, ({ target }) => target.split('.')[0]);
    expect([...parts].map(([part, own]) => [part, own.length])).toEqual([
      ['unet', 722],
      ['text_encoder', 72],
      ['text_encoder_2', 192],
    ]);
    const rates = [...parts.values()].map(own => new Set(own.map(({ rateFactor }) => rateFactor)));
    expect(rates).toEqual([new Set([1]), new Set([0.5]), new Set([0.1])]);
  });

  test('23 ranks: the three parts of the middle have their own, and what has none is left out', () => {
    const ranks = golden.blocks.index.sdxl;
    const list = Array.from({ length: 23 }, (_, i) => (i >= 5 && i <= 12 ? i : 0));
    const layers = plan({ targets: 'conv', blockRanks: list });
    for (const { target, rank } of layers) {
      const path = target.split('.').slice(1);
      expect(rank).toBe(ranks[path.slice(0, 4).join('.')]);
    }
    expect(new Set(layers.map(({ rank }) => rank))).toEqual(new Set([5, 6, 7, 8, 9, 10, 11, 12]));
  });
});

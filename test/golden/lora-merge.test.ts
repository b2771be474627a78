/** `lora merge` on the embedded model against PyTorch (tools/goldens/lora_kinds.py), and what it leaves as it was. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointCommand } from '../../src/cli/commands/checkpoint.ts';
import { mergeCommand } from '../../src/cli/commands/merge.ts';
import { elementCount, type Shape } from '../../src/engine/index.ts';
import { hashFile, openSafetensors, readTensor, readTensorBytes } from '../../src/files/index.ts';
import { kindOf, type LoraModule, type ModuleTensors, rankOf } from '../../src/lora/index.ts';
import { basePath } from '../../src/workbench/index.ts';
import { runHere } from '../support/command-line.ts';
import { writeTestLora } from '../support/loras.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { type Digest, hashed, relativeError } from './hashed-weights.ts';

interface Golden {
  readonly loras: Readonly<
    Record<string, readonly [target: string, shapes: Record<string, number[]>, alpha: number][]>
  >;
  readonly strengths: Readonly<Record<string, readonly [unet: number, text: number]>>;
  readonly weights: Readonly<Record<string, Record<'float32' | 'float16', Digest>>>;
}

const golden: Golden = JSON.parse(
  readFileSync(join(import.meta.dirname, 'data/lora-kinds-merged.json'), 'utf8'),
);

const files: Readonly<Record<string, string>> = {
  unet: 'unet/diffusion_pytorch_model.safetensors',
  text_encoder: 'text_encoder/model.safetensors',
  vae: 'vae/diffusion_pytorch_model.safetensors',
};

/** Vectors are hashed as such, as the script does. */
function tensorOf(name: string, role: string, shape: Shape) {
  const isVector = ['magnitude', 'w_norm', 'b_norm'].includes(role);
  const key = `${name}.${role}${role === 'magnitude' ? '.weight' : ''}`;
  return { shape, data: hashed(key, isVector ? [elementCount(shape)] : shape) };
}

function modulesOf(lora: string): LoraModule[] {
  return golden.loras[lora].map(([target, shapes, alpha]) => {
    const named = Object.entries(shapes).map(([role, shape]) => [
      role,
      tensorOf(`${lora} ${target}`, role, shape),
    ]);
    const tensors = Object.fromEntries(named) as ModuleTensors;
    const kind = kindOf(tensors) as LoraModule['kind'];
    return { target, kind, tensors, alpha, rank: rankOf(kind, tensors) };
  });
}

/** The options that give both LoRAs at their strengths. */
function writeLoras(folder: string): string[] {
  return Object.entries(golden.strengths).map(([name, [unet, text]]) => {
    const path = join(folder, `${name}.safetensors`);
    writeTestLora(path, { modules: modulesOf(name), metadata: {} });
    return `${path}:${unet}:te=${text}`;
  });
}

const pocket = basePath('pocket');
const pocketHashes = (): Promise<string[]> =>
  Promise.all(Object.values(files).map(file => hashFile(join(pocket, file))));

async function merge(...options: string[]): Promise<string> {
  const folder = temporaryFolder();
  const out = join(folder, 'merged');
  const outcome = await runHere(
    mergeCommand(),
    ...writeLoras(folder),
    '--base',
    'pocket',
    '--out',
    out,
    ...options,
  );
  expect(outcome.stderr + outcome.stdout).toMatch(/7 weights changed/);
  expect(outcome.status).toBe(0);
  return out;
}

function expectWeights(out: string, dtype: 'float32' | 'float16', tolerance: number): void {
  for (const [name, digests] of Object.entries(golden.weights)) {
    const dot = name.indexOf('.');
    const file = openSafetensors(join(out, files[name.slice(0, dot)]));
    const merged = readTensor(file, name.slice(dot + 1));
    expect(merged.shape).toEqual(digests[dtype].shape);
    expect(relativeError(merged, digests[dtype]), name).toBeLessThan(tolerance);
  }
}

test('weights are base + ΔW of PyTorch; everything else is the base, byte for byte', async () => {
  const before = await pocketHashes();
  const out = await merge();
  // A sum in another order may be rounded to the neighbour in float16: 5e-4 in one number of some hundred.
  expectWeights(out, 'float16', 1e-4);
  for (const [part, file] of Object.entries(files)) {
    const [base, merged] = [openSafetensors(join(pocket, file)), openSafetensors(join(out, file))];
    expect([...merged.tensors.keys()]).toEqual([...base.tensors.keys()]);
    for (const [name, { dtype, shape }] of base.tensors) {
      expect(merged.tensors.get(name)).toMatchObject({ dtype, shape });
      const isSame = Buffer.compare(readTensorBytes(base, name), readTensorBytes(merged, name)) === 0;
      expect(isSame, name).toBe(!(`${part}.${name}` in golden.weights));
    }
  }
  expect(await pocketHashes()).toEqual(before);
  for (const place of ['model_index.json', 'unet/config.json', 'tokenizer/vocab.json'])
    expect(readFileSync(join(out, place))).toEqual(readFileSync(join(pocket, place)));
});

test('in another type, rounded once', async () => {
  const out = await merge('--precision', 'float32');
  expectWeights(out, 'float32', 1e-6);
  const inspected = await runHere(checkpointCommand(), 'inspect', out, '--json');
  expect(inspected.status).toBe(0);
  expect(JSON.stringify(JSON.parse(inspected.stdout))).toContain('float32');
});

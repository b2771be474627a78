/** @file Where a LoRA lies: in one file, in PEFT's folder for one model, or in a folder with one such for each part. */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { isFolder, openSafetensors, type SafetensorsFile } from '../../files/index.ts';
import type { Part } from '../names/layers.ts';
import { type AdapterConfig, adapterConfigName, headerConfigs, readAdapterConfig } from './adapter-config.ts';

export interface Source {
  readonly file: SafetensorsFile;
  /** Where the place of the file says which part it is for. */
  readonly part: Part | undefined;
  /** The config that applies to a part. */
  readonly configOf: (part: Part | undefined) => AdapterConfig | undefined;
}

const parts = ['unet', 'text_encoder', 'text_encoder_2'] as const satisfies readonly Part[];

/** What LoRAs as .pt, .ckpt and .bin are refused with. */
const pickleHint =
  'Pickle files can run code and are never opened. Of a file that you trust, Python makes a safe one: ' +
  'safetensors.torch.save_file(torch.load("x.pt", map_location="cpu", weights_only=True), "x.safetensors").';

function openTensors(path: string): SafetensorsFile {
  try {
    return openSafetensors(path);
  } catch (error) {
    if (!(error instanceof LoraError) || error.code !== 'FORMAT_PICKLE') throw error;
    throw badInput(error.code, error.message, pickleHint, error);
  }
}

function openFile(path: string): Source {
  const file = openTensors(path);
  const configs = headerConfigs(file.metadata, path);
  return {
    file,
    part: undefined,
    configOf: part => (part && configs.get(part)) ?? configs.get(''),
  };
}

/** PEFT's names for the tensors of an adapter, and that of Diffusers. */
const adapterFile = 'adapter_model.safetensors';
const diffusersFile = 'pytorch_lora_weights.safetensors';

function openAdapter(folder: string, part: Part | undefined): Source {
  const path = join(folder, adapterFile);
  if (!existsSync(path)) {
    const pickled = join(folder, 'adapter_model.bin');
    if (existsSync(pickled)) throw badInput('FORMAT_PICKLE', `${pickled} is a pickle`, pickleHint);
    throw badInput('LORA_MISSING_FILE', `${folder} has no ${adapterFile}`, 'Is the folder complete?');
  }
  const config = readAdapterConfig(join(folder, adapterConfigName));
  return { file: openTensors(path), part, configOf: () => config };
}

const hasAdapter = (folder: string): boolean => existsSync(join(folder, adapterConfigName));

function openFolder(folder: string): Source[] {
  const named = parts.find(part => part === basename(folder));
  if (hasAdapter(folder)) return [openAdapter(folder, named)];
  const inside = parts.filter(part => hasAdapter(join(folder, part)));
  if (inside.length > 0) return inside.map(part => openAdapter(join(folder, part), part));
  const single = join(folder, diffusersFile);
  if (existsSync(single)) return [openFile(single)];
  const message = `${folder} is no folder of a LoRA: it has neither ${adapterConfigName} nor ${diffusersFile}`;
  throw badInput('LORA_MISSING_FILE', message, 'Give a .safetensors file, or a folder that PEFT wrote.');
}

/** Whether a folder holds a LoRA: of PEFT, for one model or for several, or of Diffusers. */
export const isLoraFolder = (folder: string): boolean =>
  hasAdapter(folder) ||
  parts.some(part => hasAdapter(join(folder, part))) ||
  existsSync(join(folder, diffusersFile));

/** The file whose hash a LoRA is known by: itself, or the first in its folder. */
export const mainFile = (path: string): string => (isFolder(path) ? openSources(path)[0].file.path : path);

/** Opens what is at `path`; only headers are read. */
export function openSources(path: string): Source[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw badInput('LORA_NOT_FOUND', `${path} does not exist`);
  return isFolder(path) ? openFolder(path) : [openFile(path)];
}

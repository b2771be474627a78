/** @file Where other programs keep models, as data. */
import { join } from 'node:path';
import { isReachableFolder } from '../../files/index.ts';
import type { CardUse } from '../card.ts';

export interface LayoutFolder {
  readonly path: string;
  readonly uses: readonly CardUse[];
  readonly layout: string;
}

interface Layout {
  readonly name: 'forge' | 'a1111' | 'comfyui';
  /** One of these is in every installation. */
  readonly marks: readonly string[];
  /** All of these, too. */
  readonly also?: readonly string[];
  readonly folders: Readonly<Record<string, readonly CardUse[]>>;
}

const webui: Layout['folders'] = {
  'models/Stable-diffusion': ['checkpoint'],
  'models/Lora': ['lora'],
  'models/LyCORIS': ['lora'],
  'models/VAE': ['vae'],
  embeddings: ['embedding'],
};

/** First match wins. */
const layouts: readonly Layout[] = [
  {
    name: 'forge',
    marks: ['models/Lora', 'models/Stable-diffusion'],
    also: ['modules_forge'],
    folders: webui,
  },
  { name: 'a1111', marks: ['models/Lora', 'models/Stable-diffusion'], folders: webui },
  {
    name: 'comfyui',
    marks: ['models/checkpoints', 'models/loras'],
    folders: {
      'models/checkpoints': ['checkpoint'],
      'models/diffusers': ['checkpoint'],
      'models/loras': ['lora'],
      'models/vae': ['vae'],
      'models/embeddings': ['embedding'],
    },
  },
];

/** Installers put the program into a folder of these names. */
const inside = ['', 'ComfyUI', 'webui', 'stable-diffusion-webui', 'stable-diffusion-webui-forge', '..'];

export interface FoundLayout {
  readonly name: Layout['name'];
  readonly root: string;
  readonly folders: readonly LayoutFolder[];
}

/** A case that a file system does not tell apart: `models/Lora` is no `models/lora` of another program. */
function layoutAt(root: string): FoundLayout | undefined {
  const has = (path: string): boolean => isReachableFolder(join(root, path));
  const layout = layouts.find(({ marks, also = [] }) => marks.some(has) && also.every(has));
  if (!layout) return undefined;
  const folders = Object.entries(layout.folders)
    .filter(([path]) => has(path))
    .map(([path, uses]) => ({ path: join(root, path), uses, layout: layout.name }));
  return { name: layout.name, root, folders };
}

/** The installation at `path`, in a folder of it, or (of its `models`) around it; undefined where there is none. */
export function findLayout(path: string): FoundLayout | undefined {
  const isModels = /[\\/]models$/i.test(path);
  for (const name of inside) {
    if (name === '..' && !isModels) continue;
    const found = layoutAt(join(path, name));
    if (found) return found;
  }
  return undefined;
}

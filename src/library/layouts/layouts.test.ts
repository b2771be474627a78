/** @file Folders of other programs: which are found, and what `extra_model_paths.yaml` says. */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import { openLibrary } from '../open-library.ts';
import { readExtraPaths } from './extra-model-paths.ts';
import { foldersAt } from './folders-at.ts';

function make(...paths: string[]): string {
  const root = temporaryFolder();
  for (const path of paths) mkdirSync(join(root, path), { recursive: true });
  return root;
}

const found = (root: string, at = root) =>
  foldersAt(at).map(({ path, uses, layout }) => `${layout} ${path.slice(root.length + 1)} ${uses}`);

const webui = [
  'models/Stable-diffusion',
  'models/Lora',
  'models/LyCORIS',
  'models/VAE',
  'models/ESRGAN',
  'embeddings',
];

test('a path as people paste it: in quotes, with ~ or a variable', () => {
  const folder = realpathSync(make());
  process.env.MY_MODELS = folder;
  try {
    for (const given of [`"${folder}"`, `'${folder}'`, ` ${folder} `, '$MY_MODELS', '"%MY_MODELS%"'])
      expect(foldersAt(given)).toMatchObject([{ path: folder }]);
    expect(() => foldersAt('~/no such folder')).toThrow(
      `${join(homedir(), 'no such folder')} does not exist`,
    );
  } finally {
    delete process.env.MY_MODELS;
  }
  const quoted = join(folder, "it's");
  mkdirSync(quoted);
  expect(foldersAt(quoted)).toMatchObject([{ path: quoted }]);
});

test('A1111, and Forge by its own folder', () => {
  const expected = (name: string) => [
    `${name} models/Stable-diffusion checkpoint`,
    `${name} models/Lora lora`,
    `${name} models/LyCORIS lora`,
    `${name} models/VAE vae`,
    `${name} embeddings embedding`,
  ];
  const root = make(...webui);
  expect(found(root)).toEqual(expected('a1111'));
  expect(found(root, join(root, 'models'))).toEqual(expected('a1111'));
  expect(found(make(...webui, 'modules_forge'))).toEqual(expected('forge'));
});

test('ComfyUI, also inside of what its installer makes', () => {
  const folders = [
    'models/checkpoints',
    'models/loras',
    'models/vae',
    'models/embeddings',
    'models/upscale_models',
  ];
  const root = make(...folders.map(folder => `portable/ComfyUI/${folder}`));
  expect(found(root, join(root, 'portable'))).toEqual([
    'comfyui portable/ComfyUI/models/checkpoints checkpoint',
    'comfyui portable/ComfyUI/models/loras lora',
    'comfyui portable/ComfyUI/models/vae vae',
    'comfyui portable/ComfyUI/models/embeddings embedding',
  ]);
});

test('a folder of an installation alone, and one that is said to be for something', () => {
  const root = make(...webui);
  expect(found(root, join(root, 'models/Lora'))).toEqual([
    'folder models/Lora lora,checkpoint,embedding,vae',
  ]);
  expect(foldersAt(root, ['lora'])).toEqual([{ path: root, uses: ['lora'], layout: 'folder' }]);
});

describe('extra_model_paths.yaml', () => {
  const before = process.env.MODELS_OF_TEST;
  afterEach(() => {
    if (before === undefined) delete process.env.MODELS_OF_TEST;
    else process.env.MODELS_OF_TEST = before;
  });
  const read = (text: string) => {
    const root = temporaryFolder();
    const path = join(root, 'extra_model_paths.yaml');
    writeFileSync(path, text);
    const short = (full: string) =>
      full.replace(root, 'ROOT').replace(homedir(), 'HOME').replaceAll('\\', '/');
    return readExtraPaths(path).map(folder => `${short(folder.path)} ${folder.uses}`);
  };

  test('named blocks, many lines, default, other kinds, comments', () => {
    expect(
      read(`# as in its example
a111:
    base_path: path/to/stable-diffusion-webui/   # relative
    checkpoints: models/Stable-diffusion
    vae: models/VAE
    loras: |
         models/Lora
         models/LyCORIS

    embeddings: embeddings
    upscale_models: |
                  models/ESRGAN
    controlnet: models/ControlNet
other:
    is_default: true
    loras: /big/loras
    checkpoints: own
#unused:
#    base_path: x
empty:
`),
    ).toEqual([
      'ROOT/path/to/stable-diffusion-webui/models/Stable-diffusion checkpoint',
      'ROOT/path/to/stable-diffusion-webui/models/VAE vae',
      'ROOT/path/to/stable-diffusion-webui/models/Lora lora',
      'ROOT/path/to/stable-diffusion-webui/models/LyCORIS lora',
      'ROOT/path/to/stable-diffusion-webui/embeddings embedding',
      '/big/loras lora',
      'ROOT/own checkpoint',
    ]);
  });

  test('home and variables', () => {
    process.env.MODELS_OF_TEST = '/Volumes/models';
    expect(read('x:\n  base_path: ~/ai\n  loras: loras\n')).toEqual(['HOME/ai/loras lora']);
    expect(read('x:\n  base_path: $MODELS_OF_TEST/ai\n  loras: loras\n')).toEqual([
      '/Volumes/models/ai/loras lora',
    ]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell
    expect(read('x:\n  loras: "${MODELS_OF_TEST}/loras"\n')).toEqual(['/Volumes/models/loras lora']);
    expect(read('x:\n  loras: $NOT_THERE_OF_TEST/loras\n')).toEqual(['ROOT/$NOT_THERE_OF_TEST/loras lora']);
  });

  test.each([
    ['a block that does not end', 'a:\n  base_path: "x\n  loras: y\n', /line \d/],
    ['a tab', 'a:\n\tloras: x\n', /line 2/],
    ['a list of blocks', '- a\n- b\n', /line 1: there are no named blocks/],
    ['a text for a block', 'ok:\n  loras: x\na: models\n', /line 3: "a" is no block/],
    ['a list for folders', 'a:\n  loras:\n    - x\n', /line 2: "loras" is no text/],
    ['a number for the base', 'a:\n  base_path: 7\n', /line 2: base_path is no text/],
  ])('%s is told with its line', (_, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'EXTRA_PATHS_WRONG', message: expect.stringMatching(message) }),
    );
  });

  test('nothing in it', () => {
    expect(read('')).toEqual([]);
    expect(read('# all commented out\n')).toEqual([]);
  });

  test('an installation brings what it names, as far as it is there', () => {
    const root = make('models/checkpoints', 'models/loras', 'elsewhere/Lora');
    const yaml = join(root, 'extra_model_paths.yaml');
    writeFileSync(yaml, 'a:\n  base_path: elsewhere\n  loras: |\n    Lora\n    Gone\n');
    expect(found(root)).toContain('comfyui elsewhere/Lora lora');
    expect(found(root)).toHaveLength(3);
    expect(found(root, yaml)).toEqual(['comfyui elsewhere/Lora lora']);
  });
});

describe('folders of a library', () => {
  const studio = () => {
    const data = dataFolderAt(join(temporaryFolder(), 'data'));
    makeDataFolders(data);
    return { data, library: openLibrary(data) };
  };

  test('its own are always there; others are added, known and forgotten', () => {
    const { data, library } = studio();
    expect(library.folders().map(({ id, layout }) => [id, layout])).toEqual([
      ['studio-loras', 'studio'],
      ['studio-checkpoints', 'studio'],
      ['studio-embeddings', 'studio'],
    ]);
    const root = make(...webui, 'more');
    expect(library.addFolder(root)).toHaveLength(5);
    const thrown = (work: () => unknown, code: string) =>
      expect(work).toThrow(expect.objectContaining({ code }));
    thrown(() => library.addFolder(root), 'FOLDER_KNOWN');
    mkdirSync(join(root, 'models/Lora/people'));
    thrown(() => library.addFolder(join(root, 'models/Lora/people')), 'FOLDER_KNOWN');
    thrown(() => library.addFolder(join(data.loras)), 'FOLDER_KNOWN');
    thrown(() => library.addFolder(join(root, 'gone')), 'FOLDER_NOT_FOUND');
    thrown(() => library.addFolder('/'), 'FOLDER_TOO_WIDE');
    thrown(() => library.removeFolder('studio-loras'), 'FOLDER_OWN');
    thrown(() => library.removeFolder('nope'), 'FOLDER_UNKNOWN');
    const [{ id }] = library.addFolder(join(root, 'more'));
    library.close();
    const again = openLibrary(data);
    expect(again.folders()).toHaveLength(9);
    again.removeFolder(id);
    expect(again.folders()).toHaveLength(8);
    again.close();
  });
});

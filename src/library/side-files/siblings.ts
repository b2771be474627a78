/** @file The names in a model's folder, so that a folder of thousands is listed once and nothing is looked for in vain. */

/** All names of the folder; keep and pass the same object for its files. */
export type SiblingNames = readonly string[] | ReadonlySet<string>;

const known = new WeakMap<SiblingNames, ReadonlyMap<string, string>>();

function byLowerCase(names: SiblingNames): ReadonlyMap<string, string> {
  const before = known.get(names);
  if (before) return before;
  const map = new Map<string, string>();
  for (const name of names) if (!map.has(name.toLowerCase())) map.set(name.toLowerCase(), name);
  known.set(names, map);
  return map;
}

/** The name as it is written there: `X.PNG` for `X.png`, but the name of the model must be the same. */
export function findSibling(names: SiblingNames, stem: string, ending: string): string | undefined {
  const found = byLowerCase(names).get(`${stem}${ending}`.toLowerCase());
  return found?.startsWith(stem) ? found : undefined;
}

const modelEndings = /\.(safetensors|ckpt|pt|pth|bin|sft)$/i;

/** `dir/my.lora.safetensors` → `my.lora` */
export const stemOf = (fileName: string): string => fileName.replace(modelEndings, '');

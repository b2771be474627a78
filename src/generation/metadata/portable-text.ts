/** @file What may leave the machine inside a picture: file names, never where the files lie. */

export const fileNameOf = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

const tagPattern = /<(lora|lyco):([^<>:]*)/g;
const showsFolders = (name: string): boolean => /^(?:[/\\~.]|[a-z]:)|(?:^|[/\\])\.\.[/\\]/i.test(name);

/** A prompt in which tags with paths of this machine, `<lora:/home/…/alice:1>`, hold only the file's name. */
export const portablePrompt = (prompt: string): string =>
  prompt.replace(tagPattern, (whole, kind: string, name: string) =>
    showsFolders(name) ? `<${kind}:${fileNameOf(name).replace(/\.safetensors$/i, '')}` : whole,
  );

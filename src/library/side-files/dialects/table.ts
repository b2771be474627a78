/** @file The dialects of side files, a row each, the most trusted first: what a user wrote counts before what a site says. */
import type { SideDialect, SidePart } from '../facts.ts';
import { isA1111, readA1111 } from './a1111.ts';
import { readCivitai } from './civitai.ts';
import { isInvokeAi, readInvokeAi } from './invokeai.ts';
import { readLoraManager } from './lora-manager.ts';
import { readStabilityMatrix } from './stability-matrix.ts';
import { readSwarmUi } from './swarmui.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface DialectRow {
  readonly dialect: Exclude<SideDialect, 'preview' | 'text'>;
  /** What follows the model's name without its ending. */
  readonly ending: string;
  /** Where several programs have files of this name. */
  readonly fits: (value: JsonObject) => boolean;
  /** `fileName` is that of the model. */
  readonly read: (value: JsonObject, wrong: string[], fileName: string) => SidePart;
}

const always = (): boolean => true;
const isCivitai = (value: JsonObject): boolean =>
  ('trainedWords' in value || 'modelId' in value) && !('activation text' in value);

export const dialects: readonly DialectRow[] = [
  { dialect: 'invokeai', ending: '.json', fits: isInvokeAi, read: readInvokeAi },
  // Before A1111's, because it has a description, too.
  { dialect: 'civitai', ending: '.json', fits: isCivitai, read: readCivitai },
  { dialect: 'a1111', ending: '.json', fits: isA1111, read: readA1111 },
  { dialect: 'lora-manager', ending: '.metadata.json', fits: always, read: readLoraManager },
  { dialect: 'swarmui', ending: '.swarm.json', fits: always, read: readSwarmUi },
  { dialect: 'stability-matrix', ending: '.cm-info.json', fits: always, read: readStabilityMatrix },
  { dialect: 'civitai', ending: '.civitai.info', fits: always, read: readCivitai },
];

/** Endings of JSON files, in the order of trust. */
export const jsonEndings: readonly string[] = [...new Set(dialects.map(({ ending }) => ending))];

/** Descriptions as text, A1111's older way. */
export const textEndings = ['.txt', '.description.txt'] as const;

const pictureKinds = ['png', 'jpg', 'jpeg', 'webp', 'gif'] as const;

/** In the order in which A1111 looks: `X.png` before `X.preview.png` before `X.jpg`. */
export const previewEndings: readonly string[] = pictureKinds.flatMap(kind => [
  `.${kind}`,
  `.preview.${kind}`,
]);

/** @file Lines about the set that the text and the page both have. */
import { type DatasetReport, goals, thresholds } from '../../dataset/index.ts';
import { counted } from '../lines.ts';
import type { RunFacts } from './facts.ts';

export function countText({ pictures, skipped, groups, effective }: DatasetReport): string {
  const left = skipped.length > 0 ? `, ${skipped.length} left out` : '';
  const same = pictures.length > 1 ? '; all different' : '';
  const copies = groups.length < pictures.length ? `; ${groups.length} different` : same;
  const variety =
    effective === undefined ? '' : `; as varied as ${effective.toFixed(1)} that have nothing in common`;
  return `${counted(pictures.length, 'picture')} used${left}${copies}${variety}`;
}

export function goalText({ goal, groups }: DatasetReport): string {
  if (!goal) {
    const all = Object.values(goals).map(
      ({ name, least, enough }) => `${name} ${least}${enough ? ` to ${enough}` : ' or more'}`,
    );
    return `none given (--goal); different pictures wanted: ${all.join(', ')}`;
  }
  const { name, least, enough } = goals[goal];
  const range = enough ? `${least} to ${enough}` : `${least} or more`;
  const verdict = groups.length < least ? 'too few' : 'enough';
  return `${name} wants ${range} different pictures; there are ${groups.length}: ${verdict}`;
}

export const bucketText = ({ buckets }: DatasetReport): string =>
  buckets.map(({ width, height, pictures }) => `${width}x${height}\u00a0×${pictures}`).join(', ');

export function captionText({ pictures }: DatasetReport): string {
  const counts = Map.groupBy(pictures, ({ picture }) => picture.captionSource);
  const sources = [...counts].map(([source, those]) => `${those.length} ${sourceWords[source] ?? source}`);
  const longest = Math.max(0, ...pictures.map(({ tokens }) => tokens.tokens.length));
  const limit = pictures[0]?.tokens.limit ?? 0;
  return `${sources.join(', ')}; longest ${longest} of ${limit} tokens`;
}

const sourceWords: Readonly<Record<string, string>> = {
  txt: 'from .txt',
  caption: 'from .caption',
  json: 'from .json',
  metadata: 'from a metadata file',
  given: 'from --caption',
  'file name': 'from file names',
  folder: 'from folder names',
  trigger: 'with the trigger word only',
  none: 'without',
};

export function triggerText({ trigger: { word, source, present, of, tokens } }: DatasetReport): string {
  if (word === undefined) return 'none given (--trigger), and none that can be guessed from the captions';
  const where = of > 0 ? `in ${present} of ${of} captions` : 'there are no captions to look into';
  return `"${word}"${source === 'guessed' ? ' (guessed)' : ''}, ${counted(tokens, 'token')}, ${where}`;
}

export const backgroundText = ({ backgrounds }: DatasetReport): string =>
  backgrounds.map(({ name, pictures }) => `${name}\u00a0×${pictures}`).join(', ');

export function placeText({ composition }: DatasetReport): string {
  if (!composition) return 'there is one picture only';
  const { alike } = composition;
  const verdict =
    alike >= thresholds.samePlace
      ? 'always at about one place'
      : alike > 0.35
        ? 'often at one place'
        : 'in different places';
  return `what stands out is ${verdict} (${alike.toFixed(2)}; 0: anywhere, 1: the same in all)`;
}

export const runText = ({ name, resolution: { width, height }, batch }: RunFacts): string =>
  `${name} at ${width}x${height}, batch ${batch}`;

/** What no measurement here can see. */
export const blindSpots =
  'Measured without neural networks: colours, edges, places and sizes are seen; not who or what is shown, poses, hands, watermarks or whether a caption is true.';

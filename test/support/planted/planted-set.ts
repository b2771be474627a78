/** @file A folder of drawn pictures with known faults, and the list of what a report has to find in it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindingCode } from '../../../src/dataset/index.ts';
import { type RandomStream, randomStream } from '../../../src/engine/index.ts';
import { asFile, copies, type DrawnPicture, open, pictureFaults } from './faults.ts';
import {
  biasedPlaces,
  chooseScene,
  drawFigure,
  drawScene,
  type Figure,
  type Place,
  places,
  type Scene,
} from './scenes.ts';

/** Faults of the set as a whole, beside those of single pictures in `pictureFaults`. */
export const setFaults = [
  'copies',
  'one ground',
  'one tag',
  'no captions',
  'some without caption',
  'empty captions',
  'equal captions',
  'long captions',
  'binary captions',
  'trigger missing',
  'trigger known',
  'too few',
  'one place',
] as const;
export type SetFault = (typeof setFaults)[number];

export interface PlantedFault {
  readonly code: FindingCode;
  /** File name, for faults of single pictures. */
  readonly picture?: string;
}

export interface PlantedSet {
  readonly folder: string;
  readonly pictures: number;
  /** Options for `lora dataset report`. */
  readonly options: readonly string[];
  readonly faults: readonly PlantedFault[];
}

export interface PlantOptions {
  readonly seed: number;
  readonly pictures: number;
  /** Names of `pictureFaults`, each in one or two pictures, and of `setFaults`. */
  readonly faults: readonly string[];
}

interface Entry {
  name: string;
  caption: string | Uint8Array | undefined;
  readonly picture: DrawnPicture;
  readonly scene: Scene;
  bytes: Uint8Array;
}

const madeUp = ['vrelka', 'zomquil', 'plirb', 'kwendo', 'ushtarn', 'brixolo'];
const known = ['dog', 'wizard', 'robot', 'castle', 'queen'];

const pick = <T>(random: RandomStream, from: readonly T[]): T => from[random.integer(from.length)];

function captionFor({ place, pose, light }: Scene, trigger: string, isTags: boolean): string {
  if (isTags)
    return [trigger, pose, ...place.name.split(/ (?=before|on|in|at|under|between)/), light].join(', ');
  return `a ${trigger} ${pose} ${place.name} ${light}`;
}

/** The same pose at the same place, nearly as large and nearly there, mirrored or not: that would be a copy. */
function isLike(a: Scene, b: Scene): boolean {
  if (a.place !== b.place || a.pose !== b.pose) return false;
  const apart = Math.min(Math.abs(a.x - b.x), Math.abs(a.x - (1 - b.x)));
  return apart < 0.12 && Math.abs(Math.log(a.size / b.size)) < 0.25;
}

/** A scene that is like none before; in a small world the last try is taken. */
function newScene(
  random: RandomStream,
  figure: Figure,
  place: Place,
  before: readonly Scene[],
  fixed: Partial<Scene>,
): Scene {
  const choose = (): Scene => ({ ...chooseScene(random, figure, place), ...fixed });
  let scene = choose();
  for (let tries = 0; tries < 200 && before.some(other => isLike(scene, other)); tries++) scene = choose();
  return scene;
}

async function drawEntry(
  i: number,
  figure: Figure,
  place: Place,
  seed: number,
  before: readonly Scene[],
  fixed: Partial<Scene>,
): Promise<Omit<Entry, 'caption' | 'name' | 'bytes'>> {
  const random = randomStream(seed, 'planted scene', i);
  const scene = newScene(random, figure, place, before, fixed);
  const data = await drawScene(scene, random);
  return { scene, picture: { data, width: scene.width, height: scene.height } };
}

/** Writes the set; the same options give the same bytes. */
export async function plantSet(
  folder: string,
  { seed, pictures, faults }: PlantOptions,
): Promise<PlantedSet> {
  const random = randomStream(seed, 'planted set');
  const has = (fault: SetFault): boolean => faults.includes(fault);
  const found: PlantedFault[] = [];
  const add = (code: FindingCode, ...names: string[]): void => {
    if (names.length === 0) found.push({ code });
    for (const picture of names) found.push({ code, picture });
  };
  const figure = drawFigure(random);
  const trigger = has('trigger known') ? pick(random, known) : pick(random, madeUp);
  const isTags = random.integer(2) === 0;
  // Every place comes once before any comes twice, so that none has most of a clean set.
  const order = random.permutation(places.length).map(i => places[i]);
  const ground = pick(random, biasedPlaces);
  const biased = has('one ground') ? Math.ceil((0.8 + 0.2 * random.uniform()) * pictures) : 0;
  const fixed: Partial<Scene> = has('one place')
    ? { x: 0.5, y: 0.55, size: 0.5 + 0.2 * random.uniform(), width: 384, height: 384 }
    : {};

  const entries: Entry[] = [];
  for (let i = 0; i < pictures; i++) {
    const place = i < biased ? ground : order[i % order.length];
    const before = entries.map(({ scene }) => scene);
    const drawn = await drawEntry(i, figure, place, seed, before, fixed);
    const file = await asFile(open(drawn.picture), random);
    const name = `${String(i + 1).padStart(2, '0')}${file.extension}`;
    entries.push({ ...drawn, name, bytes: file.bytes, caption: captionFor(drawn.scene, trigger, isTags) });
  }
  if (has('one ground')) add('BACKGROUND_ALIKE');
  if (has('one place')) add('COMPOSITION_ALIKE');

  // Each picture gets one fault at most.
  const free = random.permutation(pictures);
  const victims = (count: number): Entry[] => free.splice(0, count).map(i => entries[i]);
  for (const name of faults.filter(fault => Object.hasOwn(pictureFaults, fault))) {
    const { code, make } = pictureFaults[name];
    for (const victim of victims(1 + random.integer(2))) {
      const file = await make(victim.picture, random);
      victim.bytes = file.bytes;
      victim.name = victim.name.replace(/\.\w+$/, file.extension);
      add(code, victim.name);
    }
  }
  if (has('copies')) {
    for (const original of victims(2)) {
      add('SAME_PICTURES', original.name);
      const exact = { ...original, name: original.name.replace('.', ' copy.') };
      if (random.integer(3) === 0) {
        entries.push(exact);
        add('SAME_PICTURES', exact.name);
      }
      const kind = pick(random, Object.keys(copies));
      const file = await copies[kind](original.picture, random);
      const copy = {
        ...original,
        bytes: file.bytes,
        name: original.name.replace(/\.\w+$/, ` ${kind}${file.extension}`),
      };
      entries.push(copy);
      add('SAME_PICTURES', copy.name);
    }
  }
  plantCaptions();

  mkdirSync(folder, { recursive: true });
  for (const { name, bytes, caption } of entries) {
    writeFileSync(join(folder, name), bytes);
    if (caption !== undefined) writeFileSync(join(folder, name.replace(/\.\w+$/, '.txt')), caption);
  }
  if (has('too few')) add('TOO_FEW_PICTURES');
  const options = has('trigger known') ? ['--trigger', trigger] : [];
  return { folder, pictures: entries.length, options, faults: found };

  function plantCaptions(): void {
    if (has('no captions')) {
      for (const entry of entries) entry.caption = undefined;
      // Of a file that cannot be used the caption does not matter.
      const broken = new Set(
        found.flatMap(({ code, picture }) => (code === 'PICTURE_NOT_USED' ? [picture] : [])),
      );
      const used = entries.filter(({ name }) => !broken.has(name));
      add('CAPTION_MISSING', ...used.map(({ name }) => name));
      return;
    }
    if (has('equal captions')) for (const entry of entries) entry.caption = `a ${trigger} in a picture`;
    if (has('equal captions')) add('CAPTIONS_EQUAL');
    if (has('one tag')) {
      const tag = pick(random, ['red scarf', 'film grain', 'wide brimmed hat', 'stone wall']);
      const kept = 1 + random.integer(Math.max(1, Math.floor(0.18 * entries.length)));
      for (const entry of entries.slice(kept)) entry.caption += isTags ? `, ${tag}` : ` with a ${tag}`;
      add('WORD_IN_MOST');
    }
    if (has('trigger known')) add('TRIGGER_KNOWN');
    // The captions name the ground, so its words are in most of them too.
    if (has('one ground') && !has('equal captions') && !has('one tag')) add('WORD_IN_MOST');
    if (has('trigger missing')) {
      for (const entry of victims(2 + random.integer(2))) {
        entry.caption = String(entry.caption).replace(trigger, 'figure');
        add('TRIGGER_MISSING', entry.name);
      }
    }
    for (const { fault, code, caption } of captionFaults) {
      if (!has(fault)) continue;
      for (const entry of victims(1 + random.integer(2))) {
        entry.caption = caption(String(entry.caption), random);
        add(code, entry.name);
      }
    }
  }
}

const longWords = 'and then another small thing that stands around somewhere in the picture'.split(' ');

const captionFaults: readonly {
  readonly fault: SetFault;
  readonly code: FindingCode;
  readonly caption: (caption: string, random: RandomStream) => string | Uint8Array | undefined;
}[] = [
  { fault: 'some without caption', code: 'CAPTION_MISSING', caption: () => undefined },
  {
    fault: 'empty captions',
    code: 'CAPTION_EMPTY',
    caption: (_, random) => (random.integer(2) ? '' : ' \n'),
  },
  {
    fault: 'long captions',
    code: 'CAPTION_TRUNCATED',
    caption: (caption, random) =>
      [caption, ...Array.from({ length: 230 + random.integer(100) }, () => pick(random, longWords))].join(
        ' ',
      ),
  },
  {
    fault: 'binary captions',
    code: 'CAPTION_UNUSABLE',
    caption: (_, random) => Uint8Array.from({ length: 200 }, (_, i) => (i === 3 ? 0 : random.integer(256))),
  },
];

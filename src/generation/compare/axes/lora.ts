/** @file Axes of a LoRA: which file, which epoch of its training, how strongly, in which blocks and steps. */
import { basename, dirname, join } from 'node:path';
import { parseBlockWeights } from '../../../lora/index.ts';
import { findLora, loraName } from '../../find-lora.ts';
import { checkStepRange } from '../../prompt/step-range.ts';
import { epochFiles, evenly } from '../epochs.ts';
import { changeSlots, chooseSlots, type Draft, type Slot, type SlotFile } from '../slots.ts';
import { type Item, readNumbers } from '../values.ts';
import { type AxisRow, type AxisValue, named, type Reading } from './row.ts';

/** Without the LoRA. */
const none = /^(none|without|base)$/i;

/** The LoRAs that an axis is about. */
function chosenIn(draft: Draft, { subject, fail }: Reading): readonly Slot[] {
  const chosen = chooseSlots(draft.slots, subject);
  if ('why' in chosen) throw fail(chosen.why, chosen.hint);
  return chosen;
}

const slotValue = (
  reading: Reading,
  label: string,
  change: (how: Slot['how']) => Partial<Slot['how']>,
): AxisValue => ({
  label,
  apply: draft =>
    changeSlots(draft, chosenIn(draft, reading), ({ how }) => ({ how: { ...how, ...change(how) } })),
});

/** Puts a file, or none, where the prompt has a LoRA; beside the others where it has none, or with a plus. */
function putFile(draft: Draft, file: SlotFile | undefined, called: string, reading: Reading): Draft {
  if (reading.isAdded || (draft.slots.length === 0 && reading.subject === undefined)) {
    const added = { called, file, how: { strength: 1 }, isCompared: true };
    return { ...draft, slots: [...draft.slots, added] };
  }
  // The epochs of alice belong where alice is, whoever stands beside her.
  const isThere = draft.slots.some(slot => loraName(slot.called) === called);
  const subject = reading.subject ?? (isThere && draft.slots.length > 1 ? called : undefined);
  return changeSlots(draft, chosenIn(draft, { ...reading, subject }), () => ({ file, isCompared: true }));
}

const fileOf = (path: string): SlotFile => ({ name: loraName(path), path });

/** Names of files, with their folder where two are called the same. */
function labelsOf(paths: readonly string[]): string[] {
  const names = paths.map(loraName);
  return names.map((name, i) =>
    names.some((other, k) => other === name && paths[k] !== paths[i])
      ? join(basename(dirname(paths[i])), name)
      : name,
  );
}

function readFiles(reading: Reading): AxisValue[] {
  const paths = reading.items.map(item =>
    none.test(item.text) ? '' : named(reading, item, () => findLora(item.text, reading.folders)),
  );
  const labels = labelsOf(paths);
  return paths.map((path, i) => {
    const file = path === '' ? undefined : fileOf(path);
    return { label: file ? labels[i] : 'none', apply: draft => putFile(draft, file, 'lora', reading) };
  });
}

/** `my-lora [5]` are five epochs of it, evenly. */
const counted = /^(.*\S)\s*\[\s*(\d+)\s*\]$/;

/** All epochs of alice are called alice. */
function calledBy(items: readonly Item[]): string {
  const first = items.find(({ text }) => !none.test(text))?.text ?? 'lora';
  return loraName((counted.exec(first)?.[1] ?? first).replace(/[/\\]+$/, ''));
}

function readEpochs(reading: Reading): AxisValue[] {
  const called = calledBy(reading.items);
  return reading.items.flatMap((item): AxisValue[] => {
    if (none.test(item.text))
      return [{ label: 'none', apply: draft => putFile(draft, undefined, called, reading) }];
    const [, given = item.text, count] = counted.exec(item.text) ?? [];
    if (count === '0') throw reading.failAt(item, 'asks for no epochs');
    const all = named(reading, item, () => epochFiles(given, reading.folders));
    const files = count === undefined ? all : evenly(all, Number(count));
    return files.map(epoch => ({
      label: epoch.label,
      epoch,
      apply: draft => putFile(draft, fileOf(epoch.path), called, reading),
    }));
  });
}

const stepPattern = /^([\d.]+)?\s*-\s*([\d.]+)?$/;

/** In words where a minus at an end would be read as a sign. */
function stepsLabel({ start, stop }: Pick<Slot['how'], 'start' | 'stop'>): string {
  if (start === undefined) return stop === undefined ? 'all' : `first ${stop}`;
  return stop === undefined ? `from ${start}` : `${start}-${stop}`;
}

/** `0.2-0.8` of the steps, `5-15`, `5-`, `-10`; `all`. */
function readStepRange(item: Item, reading: Reading): Pick<Slot['how'], 'start' | 'stop'> {
  if (/^all$/i.test(item.text)) return { start: undefined, stop: undefined };
  const [match, start, stop] = stepPattern.exec(item.text) ?? [];
  if (match === undefined || (start === undefined && stop === undefined))
    throw reading.failAt(item, 'is no range of steps', 'Write 5-15, 0.2-0.8 of all steps, 5-, -10, or all.');
  named(reading, item, () => checkStepRange(start, stop));
  return { start, stop };
}

export const loraAxes: readonly AxisRow[] = [
  {
    name: 'lora',
    aliases: ['loras', 'lora file'],
    values: 'LoRA files or names; none for without',
    ofLora: true,
    read: readFiles,
  },
  {
    name: 'epoch',
    aliases: ['epochs', 'epoch file', 'lora epoch', 'training'],
    values:
      'a LoRA with the files that its training left on the way, or their folder; "x [5]" for five of them',
    ofLora: true,
    read: readEpochs,
  },
  {
    name: 'strength',
    aliases: ['lora strength', 'weight', 'lora weight', 'multiplier'],
    values: 'numbers, for UNet and text encoder',
    ofLora: true,
    read: reading =>
      readNumbers(reading.items, { isWhole: false }, reading).map(strength =>
        slotValue(reading, String(strength), () => ({ strength })),
      ),
  },
  {
    name: 'text strength',
    aliases: ['textstrength', 'te', 'text encoder strength', 'text encoder'],
    values: 'numbers, for the text encoder alone',
    ofLora: true,
    read: reading =>
      readNumbers(reading.items, { isWhole: false }, reading).map(textStrength =>
        slotValue(reading, String(textStrength), ({ strength }) => ({
          textStrength: textStrength === strength ? undefined : textStrength,
        })),
      ),
  },
  {
    name: 'blocks',
    aliases: ['block preset', 'block weights', 'lbw', 'lora blocks'],
    values: 'presets such as INALL, or lists of factors in quotes; all for every block',
    ofLora: true,
    read: reading =>
      reading.items.map(item => {
        if (/^all$/i.test(item.text)) return slotValue(reading, 'all', () => ({ blocks: undefined }));
        named(reading, item, () => parseBlockWeights(item.text, reading.family));
        return slotValue(reading, item.text, () => ({ blocks: item.text }));
      }),
  },
  {
    name: 'lora steps',
    aliases: ['step range', 'lora range', 'start stop', 'start-stop'],
    values: 'ranges of steps with the LoRA: 5-15, 0.2-0.8 of all steps, 5-, -10; all',
    ofLora: true,
    read: reading =>
      reading.items.map(item => {
        const steps = readStepRange(item, reading);
        return slotValue(reading, stepsLabel(steps), () => steps);
      }),
  },
];

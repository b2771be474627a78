/** @file Base, size, steps, sampler, guidance, seed: what most pictures are made with. */
import { Button, IconButton, NumberField, Segments, Select, Slider, TextField } from '../../parts/index.ts';
import { bases, familyOf, options } from './catalogue.ts';
import { change, form } from './form.ts';
import { pictures } from './history.ts';
import { rowOf, type Shape, shapeOf, sizeIn } from './sizes.ts';

export function BaseField() {
  const { base } = form.value;
  const list = bases.value;
  const choose = (id: string): void => {
    const [before, after] = [familyOf(form.value.base), familyOf(id)];
    const isOther = rowOf(before) !== rowOf(after);
    const { guidance } = rowOf(after);
    change({ base: id, ...(isOther ? { ...sizeIn(after, before, form.value), guidance } : {}) });
  };
  return (
    <Select
      label="Base"
      value={base || 'pocket'}
      onChange={choose}
      options={(list.length > 0 ? list : [{ id: 'pocket', name: 'pocket', family: '' }]).map(card => ({
        value: card.id,
        label: card.family && card.family !== card.name ? `${card.name} (${card.family})` : card.name,
      }))}
    />
  );
}

const shapes: readonly { readonly value: Shape | 'own'; readonly label: string }[] = [
  { value: 'square', label: 'Square' },
  { value: 'portrait', label: 'Portrait' },
  { value: 'landscape', label: 'Landscape' },
];

export function SizeFields() {
  const { base, width, height } = form.value;
  const family = familyOf(base);
  const step = family === 'pocket' ? 8 : 64;
  return (
    <div class="stack tight">
      <Segments
        label="Size"
        value={shapeOf(family, { width, height }) ?? 'own'}
        onChange={shape => shape !== 'own' && change(rowOf(family).sizes[shape])}
        options={shapes}
      />
      <div class="size-row">
        <NumberField
          label="Width"
          isLabelHidden
          value={width}
          min={8}
          max={4096}
          step={step}
          unit="px"
          onChange={value => change({ width: Math.round(value) })}
        />
        <IconButton
          icon="swap"
          label="Swap width and height"
          onClick={() => change({ width: height, height: width })}
        />
        <NumberField
          label="Height"
          isLabelHidden
          value={height}
          min={8}
          max={4096}
          step={step}
          unit="px"
          onChange={value => change({ height: Math.round(value) })}
        />
      </div>
    </div>
  );
}

export function SeedField() {
  const { seed } = form.value;
  const last = pictures.value[0];
  const isWrong = seed !== '' && !/^\d{1,20}$/.test(seed);
  return (
    <div class="seed-row">
      <div class="grow">
        <TextField
          label="Seed"
          value={seed}
          placeholder="Another one each time"
          onInput={text => change({ seed: text.trim() })}
          error={isWrong ? 'Digits only; empty for another one each time.' : undefined}
        />
      </div>
      <IconButton
        icon="dice"
        label="Another seed each time"
        aria-pressed={seed === ''}
        onClick={() => change({ seed: '' })}
      />
      <IconButton
        icon="retry"
        label="Seed of the last picture"
        disabled={!last}
        onClick={() => last && change({ seed: last.seed })}
      />
    </div>
  );
}

export function StepFields() {
  const { steps, guidance, sampler, scheduler } = form.value;
  const known = options.value;
  const chosen = known?.samplers.find(({ value }) => value === sampler);
  return (
    <>
      <Slider
        label="Steps"
        value={steps}
        min={1}
        max={60}
        step={1}
        limit={{ min: 1, max: 1000 }}
        onChange={value => change({ steps: Math.round(value) })}
      />
      <Slider
        label="Guidance"
        value={guidance}
        min={0}
        max={20}
        step={0.5}
        limit={{ min: 0, max: 100 }}
        onChange={value => change({ guidance: value })}
      />
      <div class="columns">
        <Select
          label="Sampler"
          value={sampler}
          onChange={value => change({ sampler: value })}
          options={known?.samplers ?? [{ value: sampler, label: sampler }]}
        />
        <Select
          label="Scheduler"
          value={scheduler}
          onChange={value => change({ scheduler: value })}
          options={[
            { value: '', label: 'Automatic' },
            ...(known?.schedulers ?? []).filter(({ label }) => label !== 'Automatic'),
          ]}
        />
      </div>
      {chosen?.text && <p class="field-hint sampler-text">{chosen.text}</p>}
      <SeedField />
    </>
  );
}

export function ResetButton({ onReset }: { readonly onReset: () => void }) {
  return (
    <Button kind="quiet" size="small" icon="undo" onClick={onReset}>
      Start afresh
    </Button>
  );
}

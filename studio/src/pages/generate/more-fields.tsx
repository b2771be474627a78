/** @file What is needed seldom, folded away; closed sections say what they hold. */
import { useState } from 'preact/hooks';
import { NumberField, Section, Segments, Select, Slider, Switch, TextField } from '../../parts/index.ts';
import { options } from './catalogue.ts';
import { change, form } from './form.ts';

export function HiresSection() {
  const { hires, width, height, inpaint, start } = form.value;
  const [isOpen, setOpen] = useState(hires.isOn);
  const set = (part: Partial<typeof hires>): void => change({ hires: { ...hires, ...part } });
  const isBarred = Boolean(start && inpaint.isOn);
  const size = `${Math.round(width * hires.scale)} × ${Math.round(height * hires.scale)}`;
  return (
    <Section
      title="Second pass"
      summary={hires.isOn && !isBarred ? `to ${size}` : 'off'}
      isOpen={isOpen}
      onToggle={setOpen}
    >
      <Switch
        label="Draw larger in a second pass"
        hint={isBarred ? 'Not with a mask: it would redraw the whole picture.' : `Ends at ${size} pixels.`}
        isOn={hires.isOn && !isBarred}
        isDisabled={isBarred}
        onChange={isOn => set({ isOn })}
      />
      {hires.isOn && !isBarred && (
        <>
          <Slider
            label="Times larger"
            value={hires.scale}
            min={1}
            max={4}
            step={0.25}
            limit={{ min: 1, max: 8 }}
            onChange={scale => set({ scale })}
          />
          <Slider
            label="How much is drawn anew"
            value={hires.strength}
            min={0}
            max={1}
            onChange={strength => set({ strength })}
          />
          <div class="columns">
            <Select
              label="Upscaler"
              value={hires.upscaler}
              onChange={upscaler => set({ upscaler })}
              options={options.value?.upscalers ?? [{ value: hires.upscaler, label: hires.upscaler }]}
            />
            <NumberField
              label="Steps (0: as many)"
              value={hires.steps}
              min={0}
              max={1000}
              onChange={steps => set({ steps: Math.round(steps) })}
            />
          </div>
        </>
      )}
    </Section>
  );
}

export function VariationSection() {
  const { variation } = form.value;
  const [isOpen, setOpen] = useState(variation.isOn);
  const set = (part: Partial<typeof variation>): void => change({ variation: { ...variation, ...part } });
  return (
    <Section
      title="Variation"
      summary={variation.isOn ? `${Math.round(variation.strength * 100)} %` : 'off'}
      isOpen={isOpen}
      onToggle={setOpen}
    >
      <Switch
        label="Turn the noise towards a second seed"
        hint="Pictures that are nearly the same: keep the seed, vary this one."
        isOn={variation.isOn}
        onChange={isOn => set({ isOn })}
      />
      {variation.isOn && (
        <>
          <TextField
            label="Second seed"
            value={variation.seed}
            placeholder="Another one each time"
            onInput={seed => set({ seed: seed.replace(/\D/g, '').slice(0, 20) })}
          />
          <Slider
            label="How far"
            value={variation.strength}
            min={0}
            max={1}
            onChange={strength => set({ strength })}
          />
        </>
      )}
    </Section>
  );
}

export function MoreSection() {
  const { preset, clipSkip, format } = form.value;
  const [isOpen, setOpen] = useState(false);
  const known = options.value?.presets;
  const label = known?.find(({ value }) => value === preset)?.label ?? preset;
  return (
    <Section
      title="More"
      summary={preset === 'lora' ? format.toUpperCase() : `as ${label}`}
      isOpen={isOpen}
      onToggle={setOpen}
    >
      <Select
        label="Prompts and noise as in"
        hint={known?.find(({ value }) => value === preset)?.text}
        value={preset}
        onChange={value => change({ preset: value })}
        options={(known ?? [{ value: preset, label: preset }]) as { value: typeof preset; label: string }[]}
      />
      <Slider
        label="Clip skip (0: as usual)"
        value={clipSkip}
        min={0}
        max={4}
        step={1}
        limit={{ min: 0, max: 12 }}
        onChange={value => change({ clipSkip: Math.round(value) })}
      />
      <Segments
        label="File"
        value={format}
        onChange={value => change({ format: value })}
        options={[
          { value: 'png', label: 'PNG' },
          { value: 'jpeg', label: 'JPEG' },
          { value: 'webp', label: 'WebP' },
        ]}
      />
    </Section>
  );
}

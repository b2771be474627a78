/** @file The base model, the memory that a run may take, and the LoRA that it goes on from. */
import { api } from '../../api/routes.ts';
import { NumberField, Select, useLoaded } from '../../parts/index.ts';
import type { TrainForm } from './train-form.ts';

const gigabyte = 1e9;

export function BaseField({ form }: { readonly form: TrainForm }) {
  const bases = useLoaded(stop => api.cards({ use: 'checkpoint', limit: 500 }, stop), []);
  const loras = useLoaded(stop => api.cards({ use: 'lora', limit: 500 }, stop), []);
  const cards = (bases.value?.cards ?? []).filter(({ state }) => state === 'present');
  const hasPocket = cards.some(({ id }) => id === 'pocket');
  return (
    <>
      <Select
        label="Base model"
        hint="The LoRA works with this model and those made from it."
        value={form.base.value}
        options={[
          ...(hasPocket ? [] : [{ value: 'pocket', label: 'Pocket model (built in)' }]),
          ...cards.map(({ id, name, family }) => ({
            value: id,
            label: family ? `${name} (${family})` : name,
          })),
        ]}
        onChange={value => {
          form.base.value = value;
        }}
      />
      <NumberField
        label="Memory at most"
        unit="GB"
        hint="0: as much as it likes. Where that is too little, the base is held rounded and activations are computed again, which takes longer."
        value={(form.memory.value ?? 0) / gigabyte}
        min={0}
        max={4096}
        step={0.5}
        onChange={value => {
          form.memory.value = value > 0 ? value * gigabyte : undefined;
        }}
      />
      <Select
        label="Goes on from"
        hint="A LoRA whose layers and rank the new one takes over."
        value={form.continueFrom.value ?? ''}
        options={[
          { value: '', label: 'nothing: a new LoRA' },
          ...(loras.value?.cards ?? []).map(({ id, name }) => ({ value: id, label: name })),
        ]}
        onChange={value => {
          form.continueFrom.value = value || undefined;
        }}
      />
    </>
  );
}

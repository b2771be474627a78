/** @file One axis: what varies, and its values as friendly as their kind allows. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { Chip, IconButton, NumberField, Select, Switch, TextField, useLoaded } from '../../parts/index.ts';
import { cards, options } from '../generate/catalogue.ts';
import { form } from '../generate/form.ts';
import {
  type AxisForm,
  axisText,
  type ChosenLora,
  changeAxis,
  countAxis,
  newAxis,
  seriesStem,
  stemOf,
} from './axes.ts';
import { axisKinds, kindOf } from './axis-kinds.ts';

export function AxisEditor({
  axis,
  place,
  onRemove,
}: {
  readonly axis: AxisForm;
  /** `From left to right` … */
  readonly place: string;
  readonly onRemove: (() => void) | undefined;
}) {
  const kind = kindOf(axis.kind);
  const counted = countAxis(axis);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would draw its own frame
    <div class="axis" role="group" aria-label={`${kind.label}, ${place.toLowerCase()}`}>
      <div class="axis-head">
        <div class="grow">
          <Select
            label={place}
            value={axis.kind}
            options={axisKinds.map(({ name, label }) => ({ value: name, label }))}
            onChange={name => changeAxis(axis.key, { ...newAxis(name), key: axis.key })}
          />
        </div>
        {onRemove && <IconButton icon="close" label={`Remove the axis ${kind.label}`} onClick={onRemove} />}
      </div>
      <Values axis={axis} />
      {kind.isOfLora && kind.editor !== 'loras' && kind.editor !== 'epochs' && <Subject axis={axis} />}
      <p class="small soft axis-foot">
        <span>{'error' in counted ? counted.error : kind.hint}</span>
        <code title="As lora compare reads it">{axisText(axis)}</code>
      </p>
    </div>
  );
}

function Values({ axis }: { readonly axis: AxisForm }) {
  const kind = kindOf(axis.kind);
  const set = (part: Partial<AxisForm>): void => changeAxis(axis.key, part);
  if (kind.editor === 'epochs') return <Epochs axis={axis} />;
  if (kind.editor === 'loras') return <Loras axis={axis} />;
  if (kind.editor === 'choices') return <Choices axis={axis} />;
  if (kind.editor === 'range') return <RangeFields axis={axis} />;
  const counted = countAxis(axis);
  return (
    <TextField
      label="Values"
      value={axis.text}
      placeholder={kind.placeholder}
      onInput={text => set({ text })}
      error={'error' in counted && axis.text.trim() !== '' ? counted.error : undefined}
    />
  );
}

function RangeFields({ axis }: { readonly axis: AxisForm }) {
  const { range, text, key } = axis;
  const step = kindOf(axis.kind).range?.step ?? 0.1;
  const set = (part: Partial<AxisForm['range']>): void => changeAxis(key, { range: { ...range, ...part } });
  const [isText, setText] = useState(text !== '');
  const counted = countAxis(axis);
  if (isText)
    return (
      <div class="axis-head">
        <div class="grow">
          <TextField
            label="Values"
            value={text}
            placeholder={`${range.from}-${range.to} [${range.count}]`}
            onInput={value => changeAxis(key, { text: value })}
            error={'error' in counted ? counted.error : undefined}
          />
        </div>
        <IconButton
          icon="undo"
          label="From, to, how many"
          onClick={() => {
            setText(false);
            changeAxis(key, { text: '' });
          }}
        />
      </div>
    );
  return (
    <div class="axis-range">
      <NumberField label="From" value={range.from} step={step} onChange={from => set({ from })} />
      <NumberField label="To" value={range.to} step={step} onChange={to => set({ to })} />
      <NumberField
        label="How many"
        value={range.count}
        min={1}
        max={100}
        onChange={count => set({ count: Math.round(count) })}
      />
      <IconButton icon="edit" label="Write the values" onClick={() => setText(true)} />
    </div>
  );
}

function Choices({ axis: { kind, chosen, key } }: { readonly axis: AxisForm }) {
  const source = kindOf(kind).choices ?? 'samplers';
  const all = (options.value?.[source] ?? []).filter(({ label }) => label !== 'Automatic');
  return (
    <div class="row wrap axis-choices">
      {all.map(({ value, label }) => {
        const isOn = chosen.includes(value);
        return (
          <Chip
            key={value}
            isOn={isOn}
            onPress={() =>
              changeAxis(key, { chosen: isOn ? chosen.filter(name => name !== value) : [...chosen, value] })
            }
          >
            {label}
          </Chip>
        );
      })}
    </div>
  );
}

/** Which of several LoRAs of the picture it is about. */
function Subject({ axis: { subject, key } }: { readonly axis: AxisForm }) {
  const { loras } = form.value;
  const isMany = loras.filter(({ isOn }) => isOn).length > 1;
  useEffect(() => {
    if (isMany && subject === '') changeAxis(key, { subject: 'all' });
    if (!isMany && subject !== '') changeAxis(key, { subject: '' });
  }, [isMany, subject, key]);
  if (!isMany) return null;
  return (
    <Select
      label="Of"
      value={subject || 'all'}
      onChange={value => changeAxis(key, { subject: value })}
      options={[
        { value: 'all', label: 'all LoRAs' },
        ...loras.map(({ id, name }) => ({
          value: stemOf(cards.value.get(id)?.fileName ?? name),
          label: name,
        })),
      ]}
    />
  );
}

function Epochs({ axis: { key, loras, most, known } }: { readonly axis: AxisForm }) {
  const [lora] = loras;
  const { value: whole } = useLoaded(
    async signal => (lora ? await api.card(lora.id, signal) : undefined),
    [lora?.id],
  );
  useEffect(() => {
    const there = whole?.versions.filter(({ state }) => state === 'present').length;
    if (there !== undefined && Math.max(1, there) !== known) changeAxis(key, { known: Math.max(1, there) });
  }, [whole, key, known]);
  return (
    <div class="stack tight">
      <LoraSearch
        label="Which LoRA"
        isGrouped
        chosen={loras}
        onAdd={card =>
          changeAxis(key, { loras: [{ ...chosenOf(card), stem: seriesStem(card.fileName) }], known: 0 })
        }
        onRemove={() => changeAxis(key, { loras: [], known: 0 })}
        isSingle
      />
      {lora && known > 3 && (
        <NumberField
          label="How many of them"
          hint={most === 0 ? `0: all ${known}` : `Evenly, of ${known}, with the first and the last.`}
          value={most}
          min={0}
          max={known}
          onChange={value => changeAxis(key, { most: Math.round(value) })}
        />
      )}
      {lora && known === 1 && (
        <p class="small soft">There is one file of it in the library: nothing was saved on the way.</p>
      )}
    </div>
  );
}

const chosenOf = ({ id, name, fileName }: ApiCard): ChosenLora => ({ id, name, stem: stemOf(fileName) });

function Loras({ axis: { key, loras, hasNone } }: { readonly axis: AxisForm }) {
  return (
    <div class="stack tight">
      <LoraSearch
        label="Which LoRAs"
        chosen={loras}
        onAdd={card => changeAxis(key, { loras: [...loras, chosenOf(card)] })}
        onRemove={id => changeAxis(key, { loras: loras.filter(lora => lora.id !== id) })}
      />
      <Switch label="Also without any" isOn={hasNone} onChange={isOn => changeAxis(key, { hasNone: isOn })} />
    </div>
  );
}

function LoraSearch({
  label,
  chosen,
  isGrouped,
  isSingle,
  onAdd,
  onRemove,
}: {
  readonly label: string;
  readonly chosen: readonly ChosenLora[];
  readonly isGrouped?: boolean;
  readonly isSingle?: boolean;
  readonly onAdd: (card: ApiCard) => void;
  readonly onRemove: (id: string) => void;
}) {
  const [text, setText] = useState('');
  const [isOpen, setOpen] = useState(false);
  const isSearching = isOpen || chosen.length === 0;
  const { value } = useLoaded(
    async signal =>
      isSearching
        ? await api.cards(
            {
              ...{ use: 'lora', state: 'present', limit: 8, sort: text.trim() ? 'best' : 'newest' },
              ...(text.trim() ? { text: text.trim() } : {}),
              ...(isGrouped ? { grouped: true } : {}),
            },
            signal,
          )
        : undefined,
    [text, isSearching, isGrouped],
  );
  const found = (value?.cards ?? []).filter(({ id }) => !chosen.some(lora => lora.id === id));
  return (
    <div class="stack tight">
      {chosen.length > 0 && (
        <div class="row wrap">
          {chosen.map(lora => (
            <Chip key={lora.id} tone="accent" onRemove={() => onRemove(lora.id)}>
              {isGrouped ? lora.stem : lora.name}
            </Chip>
          ))}
          {!isSearching && (
            <IconButton
              icon={isSingle ? 'edit' : 'add'}
              size="small"
              label={isSingle ? 'Another LoRA' : 'One more LoRA'}
              onClick={() => setOpen(true)}
            />
          )}
        </div>
      )}
      {isSearching && (
        <>
          <TextField label={label} type="search" placeholder="Search LoRAs" value={text} onInput={setText} />
          <div class="row wrap">
            {found.map(card => (
              <Chip
                key={card.id}
                onPress={() => {
                  onAdd(card);
                  setText('');
                  setOpen(!isSingle);
                }}
              >
                {card.name}
              </Chip>
            ))}
            {value && found.length === 0 && <span class="small soft">No LoRA like this.</span>}
          </div>
        </>
      )}
    </div>
  );
}

/** @file The LoRAs of a picture: picture, strength, trigger words that a press puts into the prompt or takes out. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ApiCard, ApiTriggerSet } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { libraryChange } from '../../api/state.ts';
import { Button, Chip, Finding, Menu, Picture, Popover, Slider, toastError } from '../../parts/index.ts';
import { cards, familyOf, noteCards } from './catalogue.ts';
import { change, changeLora, type FormLora, form } from './form.ts';
import { LoraPicker } from './lora-picker.tsx';
import { hasWords, insertWords, removeWords } from './trigger-words.ts';

export function LoraList() {
  const { loras } = form.value;
  const anchor = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  useCardsOf(loras);
  return (
    <div class="lora-list">
      <div class="row spread">
        <h2 class="form-title">LoRAs</h2>
        <Button
          buttonRef={anchor}
          size="small"
          icon="add"
          aria-haspopup="dialog"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Add LoRA
        </Button>
      </div>
      {isOpen && (
        <Popover anchor={anchor} onClose={close} label="Choose LoRAs" width={420} align="end">
          <LoraPicker onAdd={addLora} onRemove={removeLora} />
        </Popover>
      )}
      {loras.length > 0 && (
        <ul class="lora-rows">
          {loras.map(lora => (
            <li key={lora.id}>
              <LoraRow lora={lora} card={cards.value.get(lora.id)} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Reads cards that the form names and the page has not met yet. */
function useCardsOf(loras: readonly FormLora[]): void {
  const ids = loras.map(({ id }) => id).join();
  const turn = libraryChange.value;
  useEffect(() => {
    for (const id of ids.split(',').filter(Boolean))
      if (turn > 0 || !cards.peek().has(id)) api.card(id).then(card => noteCards([card]), ignore);
  }, [ids, turn]);
}
const ignore = (): void => undefined;

/** Adds a LoRA with the strength and the words that its card proposes. */
function addLora(card: ApiCard): void {
  noteCards([card]);
  const { loras, insertsWords, prompt, negativePrompt } = form.peek();
  const [first] = card.triggers;
  const strength = first?.strength ?? card.strength ?? 1;
  const words =
    first && insertsWords
      ? {
          prompt: insertWords(prompt, first.words),
          negativePrompt: first.negative ? insertWords(negativePrompt, first.negative) : negativePrompt,
        }
      : {};
  change({ loras: [...loras, { id: card.id, name: card.name, strength, isOn: true }], ...words });
}

/** Adds a LoRA that another page sends, once. */
export async function addLoraById(id: string): Promise<void> {
  if (form.peek().loras.some(lora => lora.id === id)) return;
  try {
    addLora(await api.card(id));
  } catch (fault) {
    toastError(fault);
  }
}

/** Takes a LoRA out, and its words as far as no other LoRA has them too. */
function removeLora(id: string): void {
  const { loras, prompt, negativePrompt } = form.peek();
  const rest = loras.filter(lora => lora.id !== id);
  const shared = rest.flatMap(lora => cards.peek().get(lora.id)?.triggers ?? []);
  const own = (cards.peek().get(id)?.triggers ?? []).filter(
    ({ words }) => !shared.some(other => hasWords(other.words, words)),
  );
  change({
    loras: rest,
    prompt: own.reduce((text, { words }) => removeWords(text, words), prompt),
    negativePrompt: own.reduce((text, { negative = '' }) => removeWords(text, negative), negativePrompt),
  });
}

function LoraRow({ lora, card }: { readonly lora: FormLora; readonly card: ApiCard | undefined }) {
  const { id, name, strength, isOn, textStrength } = lora;
  const family = familyOf(form.value.base);
  const isOther = card && family && card.family && !isAlike(card.family, family);
  return (
    <div class={`lora-row ${isOn ? '' : 'off'}`}>
      <span class="lora-picture">
        <Picture url={card?.previewUrl} alt="" size="96" name={name} />
      </span>
      <div class="lora-body">
        <div class="row spread">
          <span class="lora-name" title={card?.fileName ?? name}>
            {card?.name ?? name}
          </span>
          <Menu
            label={`More for ${name}`}
            size="small"
            items={[
              {
                label: isOn ? 'Switch off' : 'Switch on',
                icon: isOn ? 'pause' : 'play',
                onSelect: () => changeLora(id, { isOn: !isOn }),
              },
              {
                label:
                  textStrength === undefined ? 'Other strength for the text' : 'Same strength for the text',
                icon: 'edit',
                onSelect: () =>
                  changeLora(id, { textStrength: textStrength === undefined ? strength : undefined }),
              },
              { label: 'Show in the library', icon: 'library', onSelect: () => showCard(id) },
              { label: 'Remove', icon: 'trash', isDanger: true, onSelect: () => removeLora(id) },
            ]}
          />
        </div>
        <Slider
          label={`Strength of ${name}`}
          isLabelHidden
          value={strength}
          min={-1}
          max={2}
          step={0.05}
          limit={{ min: -10, max: 10 }}
          isDisabled={!isOn}
          onChange={value => changeLora(id, { strength: value })}
        />
        {textStrength !== undefined && (
          <Slider
            label="On the text encoder"
            value={textStrength}
            min={-1}
            max={2}
            step={0.05}
            limit={{ min: -10, max: 10 }}
            isDisabled={!isOn}
            onChange={value => changeLora(id, { textStrength: value })}
          />
        )}
        {card && card.triggers.length > 0 && (
          <fieldset class="row wrap trigger-words" aria-label={`Trigger words of ${name}`}>
            {card.triggers.map(set => (
              <TriggerChip key={set.name + set.words} set={set} id={id} />
            ))}
          </fieldset>
        )}
        {card && card.state !== 'present' && (
          <Finding level="warning">
            Its file is {card.state === 'missing' ? 'not there now' : 'broken'}.
          </Finding>
        )}
        {isOther && (
          <Finding level="warning">
            Made for {card.family}; the base is {family}.
          </Finding>
        )}
      </div>
    </div>
  );
}

const isAlike = (one: string, other: string): boolean => {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  return plain(one).includes(plain(other)) || plain(other).includes(plain(one));
};

function showCard(id: string): void {
  location.hash = `/library/${id}`;
}

function TriggerChip({ set, id }: { readonly set: ApiTriggerSet; readonly id: string }) {
  const { prompt, negativePrompt } = form.value;
  const { words, negative, strength } = set;
  const isIn = hasWords(prompt, words) && (!negative || hasWords(negativePrompt, negative));
  const press = (): void => {
    const edit = isIn ? removeWords : insertWords;
    change({
      prompt: edit(prompt, words),
      ...(negative ? { negativePrompt: edit(negativePrompt, negative) } : {}),
    });
    if (!isIn && strength !== undefined) changeLora(id, { strength });
  };
  return (
    <Chip isOn={isIn} onPress={press}>
      <span title={negative ? `${words}\nNegative: ${negative}` : words}>{words}</span>
    </Chip>
  );
}

/** @file The two prompts. Tags stay in the text as typed and are shown below it, each with its strength. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { libraryChange } from '../../api/state.ts';
import { IconButton, TextArea } from '../../parts/index.ts';
import { familyOf, loraNamed } from './catalogue.ts';
import { change, form } from './form.ts';
import { type PromptTag, tagsIn, withoutTag, withStrength } from './prompt-tags.ts';

export function PromptFields() {
  const { prompt, negativePrompt, base } = form.value;
  const tags = tagsIn(prompt);
  return (
    <>
      <TextArea
        label="Prompt"
        placeholder={
          familyOf(base) === 'pocket' ? 'What is to be seen: a green frog at night' : 'What is to be seen'
        }
        rows={3}
        value={prompt}
        onInput={text => change({ prompt: text })}
      />
      {tags.length > 0 && (
        <ul class="tag-list" aria-label="LoRAs named in the prompt">
          {tags.map((tag, i) => (
            <li key={`${i}-${tag.name}`}>
              <TagChip tag={tag} />
            </li>
          ))}
        </ul>
      )}
      <TextArea
        label="Negative prompt"
        placeholder="What is not"
        rows={1}
        value={negativePrompt}
        onInput={text => change({ negativePrompt: text })}
      />
    </>
  );
}

function TagChip({ tag }: { readonly tag: PromptTag }) {
  const [card, setCard] = useState<ApiCard | null | undefined>();
  const turn = libraryChange.value;
  useEffect(() => {
    let isOver = false;
    void loraNamed(tag.name).then(found => isOver || setCard(found ?? null));
    return () => {
      isOver = true;
    };
  }, [tag.name, turn]);
  const set = (strength: number): void =>
    change({ prompt: withStrength(form.value.prompt, tag, Number(strength.toFixed(2))) });
  return (
    <div class={`tag-chip ${card === null ? 'lost' : ''}`}>
      <span class="grow tag-name" title={card === null ? 'Not found in the library by this name' : tag.name}>
        {card === null ? `${tag.name}?` : tag.name}
      </span>
      {tag.isPlain ? (
        <>
          <IconButton
            size="small"
            icon="remove"
            label={`Less of ${tag.name}`}
            onClick={() => set(tag.strength - 0.1)}
          />
          <span class="numbers small">{tag.strength}</span>
          <IconButton
            size="small"
            icon="add"
            label={`More of ${tag.name}`}
            onClick={() => set(tag.strength + 0.1)}
          />
        </>
      ) : (
        <span class="numbers small soft">as written</span>
      )}
      <IconButton
        size="small"
        icon="close"
        label={`Remove ${tag.name} from the prompt`}
        onClick={() => change({ prompt: withoutTag(form.value.prompt, tag) })}
      />
    </div>
  );
}

/** @file A cell large, with its settings; arrows go to the cells beside it; another cell can be laid upon it. */
import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/routes.ts';
import { AbSlider, Button, Dialog, Picture, Select, toast, toastError } from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import { takeSettings } from '../generate/use-picture.ts';
import { type CellSettings, cellAt, cellLabel, type Grid, type GridCell } from './grid-model.ts';

export function CellDialog({
  grid,
  first,
  size,
  onClose,
}: {
  readonly grid: Grid;
  readonly first: GridCell;
  readonly size: { readonly width: number; readonly height: number };
  readonly onClose: () => void;
}) {
  const [cell, setCell] = useState(first);
  const [other, setOther] = useState('');
  const [isTaking, setTaking] = useState(false);
  const take = async (): Promise<void> => {
    setTaking(true);
    try {
      await takeCell(cell);
      go('/generate');
    } catch (fault) {
      toastError(fault);
      setTaking(false);
    }
  };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLElement && event.target.matches('input, select')) return;
      const [x = 0, y = 0, ...z] = cell.at;
      const moves: Partial<Record<string, readonly number[]>> = {
        ...{ ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1] },
      };
      const to = moves[event.key];
      const next = to && cellAt(grid, cell.at.length === 1 ? to.slice(0, 1) : [...to, ...z]);
      if (!next?.url) return;
      event.preventDefault();
      setCell(next);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [cell, grid]);
  const beside = grid.cells.find((one, i) => String(i) === other && one.name !== cell.name);
  const label = cellLabel(grid, cell);
  return (
    <Dialog
      title={label}
      size="wide"
      onClose={onClose}
      actions={
        <>
          {cell.settings?.loras?.length === 1 && (
            <Button icon="heart" onClick={() => void keepLora(cell.settings?.loras?.[0])}>
              Keep this LoRA
            </Button>
          )}
          <Button kind="primary" icon="generate" isBusy={isTaking} onClick={() => void take()}>
            Use these settings
          </Button>
        </>
      }
    >
      <div class="cell-large">
        {beside?.url && cell.url ? (
          <AbSlider
            key={beside.name + cell.name}
            before={{ url: beside.url, label: cellLabel(grid, beside) }}
            after={{ url: cell.url, label }}
            {...size}
          />
        ) : (
          <div class="cell-picture">
            <Picture url={cell.url} alt={label} size="full" fit="contain" isEager {...size} />
          </div>
        )}
        <div class="stack">
          <Settings settings={cell.settings} />
          <Select
            label="Lay another upon it"
            value={beside ? other : ''}
            onChange={setOther}
            options={[
              { value: '', label: 'None' },
              ...grid.cells.flatMap((one, i) =>
                one.url && one.name !== cell.name ? [{ value: String(i), label: cellLabel(grid, one) }] : [],
              ),
            ]}
          />
        </div>
      </div>
    </Dialog>
  );
}

function Settings({ settings }: { readonly settings: CellSettings | undefined }) {
  if (!settings) return null;
  const { prompt, negativePrompt, seed, steps, guidance, sampler, width, height, loras = [] } = settings;
  const rows: readonly (readonly [string, string | number | undefined])[] = [
    ['LoRA', loras.map(({ name, strength }) => `${name} at ${strength}`).join(', ') || 'none'],
    ['Prompt', prompt],
    ['Negative', negativePrompt],
    ['Seed', seed === undefined ? undefined : String(seed)],
    ['Steps', steps],
    ['Guidance', guidance],
    ['Sampler', sampler],
    ['Size', width && height ? `${width} × ${height}` : undefined],
  ];
  return (
    <dl class="cell-settings small numbers">
      {rows
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** The picture's own text says how it was made. */
async function takeCell({ url, settings }: GridCell): Promise<void> {
  const answer = await fetch(`${url}?download=true`, { credentials: 'same-origin' });
  if (!answer.ok) throw new Error(`The picture could not be read (${answer.status}).`);
  const read = await api.readPicture(await answer.blob());
  await takeSettings(
    read,
    settings?.loras?.map(({ name }) => name),
  );
}

/** The card of the LoRA that a cell was drawn with becomes a favourite. */
async function keepLora(lora: { readonly name: string; readonly hash?: string } | undefined): Promise<void> {
  if (!lora) return;
  try {
    const words = lora.name.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
    const { cards } = await api.cards({ use: 'lora', text: words, limit: 200 });
    const same = cards.filter(
      ({ fileName, id }) => fileName.replace(/\.\w+$/, '') === lora.name || (lora.hash ?? '').startsWith(id),
    );
    const card = same.find(({ id }) => (lora.hash ?? '').startsWith(id)) ?? same[0];
    if (!card) throw new Error(`${lora.name} is not in the library.`);
    await api.editCard(card.id, { favourite: true });
    toast(`${card.name} is a favourite now`, {
      action: { label: 'Show it', onSelect: () => go(`/library/${card.id}`) },
    });
  } catch (fault) {
    toastError(fault);
  }
}

/** @file Writing a card beside its file: what each program gets, said before it is written. */
import { useState } from 'preact/hooks';
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { Button, Dialog, ErrorNote, Icon } from '../../parts/index.ts';
import { type SideDialect, writeSideFile } from './library-api.ts';

interface Row {
  readonly dialect: SideDialect;
  readonly program: string;
  readonly ending: string;
  readonly text: string;
}

const rows: readonly Row[] = [
  {
    ...{ dialect: 'a1111', program: 'A1111 and Forge', ending: '.json' },
    text: 'Trigger words (activation text), negative words, strength, description, notes and base version. More sets of words, tags, licence and author stand in a key of our own, which they keep.',
  },
  {
    ...{ dialect: 'lora-manager', program: 'LoRA Manager for ComfyUI', ending: '.metadata.json' },
    text: 'Name, trigger words, tags, notes, description, favourite, strength, base model and the sha256 of the file, which is read for it.',
  },
];

export function SideFilesDialog({
  card,
  onClose,
}: {
  readonly card: ApiWholeCard;
  readonly onClose: () => void;
}) {
  const stem = card.fileName.replace(/\.\w+$/, '');
  return (
    <Dialog
      title="Write for other programs"
      onClose={onClose}
      actions={<Button onClick={onClose}>Close</Button>}
    >
      <div class="stack">
        <p class="soft">
          What you write here stays in the studio until you say otherwise. These buttons put it beside the
          file, too; whatever else stands in such a file already is kept, and what says something else is
          replaced only when you say so.
        </p>
        {rows.map(row => (
          <SideRow key={row.dialect} card={card} row={row} fileName={stem + row.ending} />
        ))}
      </div>
    </Dialog>
  );
}

function SideRow({
  card,
  row,
  fileName,
}: {
  readonly card: ApiWholeCard;
  readonly row: Row;
  readonly fileName: string;
}) {
  const [state, setState] = useState<'idle' | 'busy' | 'done'>('idle');
  const [error, setError] = useState<unknown>();
  const differs = (error as { code?: string } | undefined)?.code === 'SIDE_FILE_DIFFERS';
  const isThere = card.sideFiles.some(({ name }) => name === fileName);
  const write = async (replace = false): Promise<void> => {
    setState('busy');
    setError(undefined);
    try {
      await writeSideFile(card.id, row.dialect, replace);
      setState('done');
    } catch (fault) {
      setError(fault);
      setState('idle');
    }
  };
  return (
    <section class="stack tight side-row">
      <h3>{row.program}</h3>
      <code>{fileName}</code>
      <p class="small soft">{row.text}</p>
      {error !== undefined && <ErrorNote error={error} />}
      <div class="row">
        <Button size="small" isBusy={state === 'busy'} onClick={() => void write()}>
          {isThere ? 'Write into it' : 'Write it'}
        </Button>
        {differs && (
          <Button size="small" kind="danger" onClick={() => void write(true)}>
            Replace what it says
          </Button>
        )}
        {state === 'done' && (
          <span class="row small" role="status">
            <Icon name="check" size={16} /> Written
          </span>
        )}
      </div>
    </section>
  );
}

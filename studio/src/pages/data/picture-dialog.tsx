/** @file One picture, large: its crop, its numbers, what is said of it, its caption. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { Button, Dialog, IconButton, TextArea } from '../../parts/index.ts';
import { CropView } from './crop-view.tsx';
import type { DatasetView } from './dataset-view.ts';
import { cropWords } from './report-view.ts';

export function PictureDialog({
  view,
  id,
  onChange,
  onClose,
}: {
  readonly view: DatasetView;
  readonly id: string;
  readonly onChange: (id: string) => void;
  readonly onClose: () => void;
}) {
  // As it was opened: a caption that is written may take its picture out of a filter.
  const [order] = useState(() => view.shown.peek().map(one => one.id));
  const at = order.indexOf(id);
  const picture = view.whole.value?.items.find(one => one.id === id);
  if (!picture) return null;
  const step = (by: number): void => {
    const next = order[at + by];
    if (next) onChange(next);
  };
  const measured = view.measured.value.get(picture.name);
  const said = (view.report.value.value?.findings ?? []).filter(
    ({ pictures, severity }) =>
      severity !== 'note' && pictures.length < order.length && pictures.includes(picture.name),
  );
  return (
    <Dialog title={picture.name} onClose={onClose} size="wide">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the dialog */}
      <div
        class="picture-dialog"
        onKeyDown={event => {
          if (event.target instanceof HTMLTextAreaElement) return;
          if (event.key === 'ArrowLeft') step(-1);
          if (event.key === 'ArrowRight') step(1);
        }}
      >
        <div class="picture-large">
          <CropView {...picture} alt={picture.caption || picture.name} measured={measured} size="1280" />
        </div>
        <div class="stack">
          <div class="row spread">
            <IconButton icon="left" label="The one before" disabled={at <= 0} onClick={() => step(-1)} />
            <span class="soft small numbers">
              {at + 1} of {order.length}
            </span>
            <IconButton
              icon="right"
              label="The next one"
              disabled={at >= order.length - 1}
              onClick={() => step(1)}
            />
          </div>
          <p class="small numbers">{measured ? cropWords(measured) : `${picture.width}×${picture.height}`}</p>
          {picture.fault && <p class="small fault">Not used: {picture.fault.message}</p>}
          {said.map(({ code, severity, text, action }) => (
            <p key={code} class={`small said ${severity}`}>
              {text} {action && <b>{action}</b>}
            </p>
          ))}
          <OwnCaption key={picture.id} view={view} picture={picture} />
        </div>
      </div>
    </Dialog>
  );
}

/** Is kept when it is left: for the next picture, by Escape, by closing. */
function OwnCaption({ view, picture }: { readonly view: DatasetView; readonly picture: ApiDatasetPicture }) {
  const [text, setText] = useState(picture.caption);
  /** Only what was typed here: captions may change meanwhile. */
  const written = useRef<string | undefined>(undefined);
  const save = (): void => {
    const now = view.whole.peek()?.items.find(one => one.id === picture.id);
    const typed = written.current;
    written.current = undefined;
    if (now && typed !== undefined && view.canEdit.peek()) void view.writeCaption(now, typed);
  };
  useEffect(() => save, []);
  const measured = view.measured.value.get(picture.name);
  const cut = measured?.captionCut;
  return (
    <>
      <TextArea
        label="Caption"
        value={text}
        rows={4}
        isDisabled={!view.canEdit.value}
        onInput={next => {
          written.current = next;
          setText(next);
        }}
        onCommit={save}
        hint={
          cut
            ? `Too long: "${cut}" is not read.`
            : view.canEdit.value
              ? undefined
              : 'Captions of examples stay as they are; make a copy to change them.'
        }
      />
      {view.canEdit.value && (
        <div class="row">
          <Button kind="primary" disabled={text.trim() === picture.caption.trim()} onClick={save}>
            Save caption
          </Button>
        </div>
      )}
    </>
  );
}

/** @file One picture, large: its crop, its numbers, what is said of it, its caption. */
import { useState } from 'preact/hooks';
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
  const shown = view.shown.value;
  const at = shown.findIndex(picture => picture.id === id);
  const picture = shown[at];
  if (!picture) return null;
  const step = (by: number): void => {
    const next = shown[at + by];
    if (next) onChange(next.id);
  };
  const measured = view.measured.value.get(picture.name);
  const said = (view.report.value.value?.findings ?? []).filter(
    ({ pictures, severity }) =>
      severity !== 'note' && pictures.length < shown.length && pictures.includes(picture.name),
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
              {at + 1} of {shown.length}
            </span>
            <IconButton
              icon="right"
              label="The next one"
              disabled={at >= shown.length - 1}
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
          <OwnCaption key={picture.id} view={view} id={picture.id} />
        </div>
      </div>
    </Dialog>
  );
}

function OwnCaption({ view, id }: { readonly view: DatasetView; readonly id: string }) {
  const picture = view.shown.value.find(one => one.id === id);
  const [text, setText] = useState(picture?.caption ?? '');
  if (!picture) return null;
  const measured = view.measured.value.get(picture.name);
  const cut = measured?.captionCut;
  return (
    <>
      <TextArea
        label="Caption"
        value={text}
        rows={4}
        isDisabled={!view.canEdit.value}
        onInput={setText}
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
          <Button
            kind="primary"
            disabled={text.trim() === picture.caption.trim()}
            onClick={() => void view.writeCaption(picture, text)}
          >
            Save caption
          </Button>
        </div>
      )}
    </>
  );
}

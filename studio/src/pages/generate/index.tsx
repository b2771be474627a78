/** @file Generate: the form, the stage, the history. */
import { useEffect } from 'preact/hooks';
import { settings } from '../../api/state.ts';
import type { PageProps } from '../../pages.ts';
import { Button, ErrorNote, KeyHint, Stepper, takesStart, useDrop } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { familyOf, startCatalogue } from './catalogue.ts';
import { DroppedPicture, takeDropped } from './foreign-picture.tsx';
import { change, emptyForm, form } from './form.ts';
import { startHistory } from './history.ts';
import { HistoryView } from './history-view.tsx';
import { addLoraById, LoraList } from './lora-list.tsx';
import { clearStrokes } from './mask-strokes.ts';
import { HiresSection, MoreSection, VariationSection } from './more-fields.tsx';
import { PromptFields } from './prompt-fields.tsx';
import { draw, drawError, isSending, shown } from './runs.ts';
import { BaseField, ResetButton, SizeFields, StepFields } from './settings-fields.tsx';
import { rowOf } from './sizes.ts';
import { Stage } from './stage.tsx';
import { StartSection } from './start-section.tsx';
import { startFromFile, takePictureSettings } from './use-picture.ts';
import './generate.css';

export function Page({ rest, query }: PageProps) {
  const [picture] = rest;
  const lora = query.get('lora');
  useEffect(() => {
    startCatalogue();
    startHistory();
  }, []);
  useEffect(() => {
    if (picture) shown.value = { kind: 'picture', id: picture };
  }, [picture]);
  useEffect(() => {
    if (lora) void takeLora(lora);
  }, [lora]);
  useEffect(() => {
    document.addEventListener('paste', paste);
    document.addEventListener('keydown', press);
    return () => {
      document.removeEventListener('paste', paste);
      document.removeEventListener('keydown', press);
    };
  }, []);
  const { isOver, handlers } = useDrop({
    onFiles: ([file]) => file && void takeDropped(file),
  });
  return (
    <div class={`generate ${isOver ? 'over' : ''}`} {...handlers}>
      <FormColumn />
      <div class="generate-main">
        <section id="stage" class="stage" aria-label="Picture">
          <Stage />
        </section>
        <HistoryView />
      </div>
      <DroppedPicture />
    </div>
  );
}

function FormColumn() {
  // Pictures of the history are taken here only: let go over the stage by chance, they must not change the form.
  const { isOver, handlers } = useDrop({
    onFiles: ([file]) => file && void takeDropped(file),
    onPicture: id => void takePictureSettings(id),
  });
  return (
    <form
      {...handlers}
      class={`generate-form ${isOver ? 'over' : ''}`}
      aria-label="What to draw"
      onSubmit={event => {
        event.preventDefault();
        start();
      }}
    >
      <div class="generate-fields">
        <PageHead title="Generate">
          <ResetButton onReset={reset} />
        </PageHead>
        <PromptFields />
        <LoraList />
        <div class="stack">
          <BaseField />
          <SizeFields />
          <StepFields />
        </div>
        <div>
          <StartSection />
          <HiresSection />
          <VariationSection />
          <MoreSection />
        </div>
      </div>
      <div class="draw-bar">
        {drawError.value !== undefined && <ErrorNote error={drawError.value} />}
        <div class="row">
          <Stepper label="Pictures" value={form.value.count} onChange={count => change({ count })} />
          <Button kind="primary" size="large" type="submit" isBusy={isSending.value} class="draw">
            Draw <KeyHint keys="mod+enter" />
          </Button>
        </div>
      </div>
    </form>
  );
}

function start(): void {
  void draw().then(() => {
    // Where the stage is above the form (phones), it is what one waits for.
    if (window.innerWidth < 860) document.getElementById('stage')?.scrollIntoView({ block: 'start' });
  });
}

function reset(): void {
  const { base } = form.peek();
  const row = rowOf(familyOf(base));
  clearStrokes();
  form.value = {
    ...emptyForm,
    base,
    ...row.sizes.square,
    steps: row.steps,
    guidance: row.guidance,
    format: settings.peek()?.format ?? 'png',
  };
}

/** `#/generate?lora=<id>`: how the library and a finished training send a LoRA here. */
async function takeLora(id: string): Promise<void> {
  await addLoraById(id);
  history.replaceState(null, '', '#/generate');
}

function press(event: KeyboardEvent): void {
  if (takesStart(event)) start();
}

/** Pictures are pasted as the one to start from; text goes where it always does. */
function paste(event: ClipboardEvent): void {
  const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
  if (!file) return;
  event.preventDefault();
  void startFromFile(file);
}

/** @file A picture to start from: how much of it stays, and with a mask, where it is drawn anew. */
import { useEffect, useState } from 'preact/hooks';
import {
  Button,
  DropZone,
  NumberField,
  Picture,
  Section,
  Segments,
  Select,
  Slider,
  Switch,
} from '../../parts/index.ts';
import { options } from './catalogue.ts';
import { change, form, type StartPicture } from './form.ts';
import { MaskEditor } from './mask-editor.tsx';
import { clearStrokes } from './mask-strokes.ts';
import { startFromFile, startFromPicture } from './use-picture.ts';

export function StartSection() {
  const { start, inpaint, strength } = form.value;
  const [isOpen, setOpen] = useState(start !== undefined);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (start) setOpen(true);
  }, [start]);
  const take = async (work: Promise<void>): Promise<void> => {
    setBusy(true);
    await work;
    setBusy(false);
  };
  const summary = start
    ? inpaint.isOn
      ? 'with a mask'
      : `${Math.round(strength * 100)} % drawn anew`
    : 'none';
  return (
    <Section title="Start from a picture" summary={summary} isOpen={isOpen} onToggle={setOpen}>
      {start ? (
        <WithPicture start={start} />
      ) : (
        <DropZone
          label="Drop a picture here"
          hint="or paste one, or drag one out of the history"
          icon="picture"
          isBusy={isBusy}
          onFiles={([file]) => file && void take(startFromFile(file))}
          onPicture={id => void take(startFromPicture(id))}
        />
      )}
    </Section>
  );
}

function WithPicture({ start }: { readonly start: StartPicture }) {
  const { inpaint, strength, resize, width, height } = form.value;
  const isOtherShape = Math.abs(start.width / start.height - width / height) > 0.01;
  const remove = (): void => {
    clearStrokes();
    change({ start: undefined });
  };
  return (
    <>
      {inpaint.isOn ? (
        <MaskEditor start={start} />
      ) : (
        <div class="start-picture">
          <Picture
            url={start.url}
            alt="The picture to start from"
            fit="contain"
            size="640"
            width={start.width}
            height={start.height}
          />
        </div>
      )}
      <div class="row spread">
        <span class="small soft numbers">
          {start.width} × {start.height}
        </span>
        <Button kind="quiet" size="small" icon="close" onClick={remove}>
          Take away
        </Button>
      </div>
      <Slider
        label="How much is drawn anew"
        hint="0 keeps the picture, 1 keeps nothing of it."
        value={strength}
        min={0}
        max={1}
        onChange={value => change({ strength: value })}
      />
      {isOtherShape && (
        <Segments
          label="Where its shape is another"
          value={resize}
          onChange={value => change({ resize: value })}
          options={[
            { value: 'crop', label: 'Crop' },
            { value: 'fill', label: 'Fill' },
            { value: 'stretch', label: 'Stretch' },
          ]}
        />
      )}
      <Switch
        label="Only where I paint"
        hint="A mask: what is painted is drawn anew, the rest stays."
        isOn={inpaint.isOn}
        onChange={isOn => change({ inpaint: { ...inpaint, isOn } })}
      />
      {inpaint.isOn && <MaskFields />}
    </>
  );
}

function MaskFields() {
  const { inpaint } = form.value;
  const set = (part: Partial<typeof inpaint>): void => change({ inpaint: { ...inpaint, ...part } });
  const contents = options.value?.maskedContents as
    | { value: typeof inpaint.content; label: string }[]
    | undefined;
  return (
    <>
      <Segments
        label="Drawn in"
        value={inpaint.area}
        onChange={area => set({ area })}
        options={[
          { value: 'whole', label: 'Whole picture' },
          { value: 'masked', label: 'Around the mask' },
        ]}
      />
      <div class="columns">
        <Select
          label="Starts from"
          value={inpaint.content}
          onChange={content => set({ content })}
          options={contents ?? [{ value: inpaint.content, label: inpaint.content }]}
        />
        <NumberField
          label="Soft edge"
          unit="px"
          value={inpaint.blur}
          min={0}
          max={256}
          onChange={blur => set({ blur })}
        />
        {inpaint.area === 'masked' && (
          <NumberField
            label="Around it"
            unit="px"
            value={inpaint.padding}
            min={0}
            max={1024}
            onChange={padding => set({ padding: Math.round(padding) })}
          />
        )}
      </div>
      <Switch
        label="Draw everything but the mask"
        isOn={inpaint.invert}
        onChange={invert => set({ invert })}
      />
    </>
  );
}

/** @file A picture that was dropped on the page: what it says of itself, and what to do with it. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { ApiReadPicture } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { Button, Dialog, Finding, toastError } from '../../parts/index.ts';
import { startFromFile, takeSettings } from './use-picture.ts';

interface Dropped {
  readonly file: File;
  readonly read: ApiReadPicture;
}
const dropped = signal<Dropped | undefined>(undefined);

/** Asks what a picture says; one that says nothing becomes the one to start from at once. */
export async function takeDropped(file: File): Promise<void> {
  try {
    const read = await api.readPicture(file);
    if (read.payload === undefined && !read.parameters) return await startFromFile(file);
    dropped.value = { file, read };
  } catch (fault) {
    toastError(fault);
  }
}

const programs: Readonly<Record<string, string>> = {
  ...{ a1111: 'A1111', comfyui: 'ComfyUI', invokeai: 'InvokeAI', swarmui: 'SwarmUI', novelai: 'NovelAI' },
  ...{ fooocus: 'Fooocus', 'lora-studio': 'LoRA Studio', lora: 'LoRA Studio' },
};

export function DroppedPicture() {
  const { value } = dropped;
  const [isBusy, setBusy] = useState(false);
  if (!value) return null;
  const { file, read } = value;
  const close = (): void => {
    dropped.value = undefined;
  };
  const run = async (work: Promise<void>): Promise<void> => {
    setBusy(true);
    await work.catch(toastError);
    setBusy(false);
    close();
  };
  const program = read.program ? (programs[read.program.toLowerCase()] ?? read.program) : undefined;
  return (
    <Dialog
      title={program ? `A picture made with ${program}` : 'A picture'}
      size="wide"
      onClose={close}
      actions={
        <>
          <Button icon="picture" isBusy={isBusy} onClick={() => void run(startFromFile(file))}>
            Start from it
          </Button>
          <Button
            kind="primary"
            icon="copy"
            isBusy={isBusy}
            disabled={read.payload === undefined}
            onClick={() => void run(takeSettings(read))}
          >
            Use its settings
          </Button>
        </>
      }
    >
      <div class="stack">
        {read.missing.map(({ name, hash }) => (
          <Finding key={name} level="warning">
            The LoRA “{name}” is not in the library{hash ? <code> ({hash})</code> : ''}.
          </Finding>
        ))}
        {read.findings.map(text => (
          <Finding key={text} level="note">
            {text}
          </Finding>
        ))}
        {read.parameters && <pre class="parameters">{read.parameters}</pre>}
      </div>
    </Dialog>
  );
}

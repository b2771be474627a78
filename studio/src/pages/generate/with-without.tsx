/** @file The same picture without its LoRAs, drawn now, beside the one with them. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiWholePicture } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { jobs, progressOf } from '../../api/state.ts';
import { AbSlider, Button, Dialog, ErrorNote, Progress } from '../../parts/index.ts';
import { type PicturePayload, withoutLoras } from './payload.ts';
import { addPictureJob } from './runs.ts';

/** Jobs of this page by the picture that they belong to: asked again, nothing is drawn twice. */
const drawn = new Map<string, string>();

export function WithWithout({
  picture,
  onClose,
}: {
  readonly picture: ApiWholePicture;
  readonly onClose: () => void;
}) {
  const [jobId, setJobId] = useState(drawn.get(picture.id));
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (drawn.has(picture.id)) return;
    setError(undefined);
    const payload = withoutLoras({ ...(picture.payload as PicturePayload), seed: picture.seed });
    addPictureJob(payload, 'Without LoRA').then(({ id }) => {
      drawn.set(picture.id, id);
      setJobId(id);
    }, setError);
  }, [picture, turn]);
  const job = jobId ? jobs.value.get(jobId) : undefined;
  const again = (): void => {
    drawn.delete(picture.id);
    setTurn(turn + 1);
  };
  const close = (): void => {
    if (job && (job.state === 'queued' || job.state === 'running')) {
      drawn.delete(picture.id);
      void api.cancelJob(job.id).catch(() => undefined);
    }
    onClose();
  };
  const without = job?.state === 'done' ? job.artefacts[0] : undefined;
  const fault = error ?? (job?.state === 'failed' ? job.error : undefined);
  return (
    <Dialog
      title="With and without LoRA"
      size="wide"
      onClose={close}
      actions={<Button onClick={close}>{without ? 'Close' : 'Cancel'}</Button>}
    >
      {fault !== undefined && <ErrorNote error={fault} onRetry={again} />}
      {without && (
        <AbSlider
          before={{ url: without.url, label: 'without' }}
          after={{ url: picture.url, label: picture.loras.map(({ name }) => name).join(', ') || 'with' }}
          width={picture.width}
          height={picture.height}
        />
      )}
      {!without && fault === undefined && <Drawing id={jobId} />}
    </Dialog>
  );
}

function Drawing({ id }: { readonly id: string | undefined }) {
  const progress = id ? progressOf(id).value : undefined;
  return (
    <Progress
      label="Drawing without LoRA"
      share={progress?.share}
      text={progress?.text ?? 'Drawing the same picture without its LoRA'}
      secondsLeft={progress?.secondsLeft}
    />
  );
}

/** @file What is on its way into a data set, what failed and why. */
import { Button, count, IconButton, Progress } from '../../parts/index.ts';
import { LeftOutList } from './new-dataset.tsx';
import { forgetUploads, retryUploads, stopUploads, uploads } from './upload-state.ts';
import { summaryOf } from './uploads.ts';

export function UploadList({
  dataset,
  onChange,
}: {
  readonly dataset: string;
  readonly onChange: () => void;
}) {
  const state = uploads.value.get(dataset);
  if (!state || (state.sendings.length === 0 && state.leftOut.length === 0)) return null;
  const { total, done, failed, stopped, share, isBusy } = summaryOf(state.sendings);
  const faults = state.sendings.filter(({ state: now }) => now === 'failed' || now === 'stopped');
  const text = isBusy
    ? `${done} of ${total} have come`
    : [
        `${count(done, 'picture')} came`,
        failed > 0 ? `${failed} did not` : '',
        stopped > 0 ? `${stopped} stopped` : '',
      ]
        .filter(Boolean)
        .join(', ');
  return (
    <section class="panel uploads stack tight" aria-label="Uploads">
      <div class="row spread">
        <div class="grow">
          {isBusy ? <Progress label="Uploading" share={share} text={text} /> : <p role="status">{text}.</p>}
        </div>
        {isBusy ? (
          <Button size="small" onClick={() => stopUploads(dataset)}>
            Stop
          </Button>
        ) : (
          <IconButton
            icon="close"
            label="Put this list away"
            size="small"
            onClick={() => forgetUploads(dataset)}
          />
        )}
      </div>
      {faults.length > 0 && (
        <>
          <LeftOutList
            files={faults.map(({ what, reason }) => ({ path: what.path, reason: reason ?? '' }))}
          />
          {!isBusy && (
            <div>
              <Button size="small" icon="retry" onClick={() => void retryUploads(dataset).then(onChange)}>
                Try {faults.length === 1 ? 'it' : `these ${faults.length}`} again
              </Button>
            </div>
          )}
        </>
      )}
      {state.leftOut.length > 0 && (
        <>
          <p class="small">{count(state.leftOut.length, 'file')} left out:</p>
          <LeftOutList files={state.leftOut} />
        </>
      )}
    </section>
  );
}

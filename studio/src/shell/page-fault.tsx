/** @file A page whose file did not come: the studio does not answer, or it was updated and the file is gone. */
import { useEffect, useRef } from 'preact/hooks';
import { connection, reconnectNow } from '../api/events.ts';
import { Button, EmptyState } from '../parts/index.ts';
import { PageHead } from './page-head.tsx';

export interface PageFaultProps {
  readonly title: string;
  /** How often it could not be loaded. */
  readonly faults: number;
  readonly onRetry: () => void;
}

export function PageFault({ title, faults, onRetry }: PageFaultProps) {
  const now = connection.value;
  const wasLost = useRef(false);
  useEffect(() => {
    if (now === 'lost') wasLost.current = true;
    if (now === 'open' && wasLost.current) onRetry();
  }, [now]);
  // Chromium remembers that a module could not be loaded, for as long as the document lives (whatwg/html#6768).
  useEffect(() => {
    if (faults > 1 && now === 'open' && wasLost.current) location.reload();
  }, [faults]);
  return (
    <div class="page">
      <PageHead title={title} />
      {now === 'open' ? (
        <EmptyState
          icon="warning"
          title="This page could not be loaded"
          text="The studio may have been updated since it was opened here."
        >
          <Button kind="primary" icon="retry" onClick={() => location.reload()}>
            Reload the page
          </Button>
        </EmptyState>
      ) : (
        <EmptyState
          icon="warning"
          title="The studio does not answer"
          text="Is it still running? This page opens by itself when it answers again."
        >
          <Button icon="retry" onClick={reconnectNow}>
            Try now
          </Button>
        </EmptyState>
      )}
    </div>
  );
}

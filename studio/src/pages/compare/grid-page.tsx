/** @file A grid: while it is drawn, its cells fill; when it is done, it is a table to look into. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiWholeJob, ComparePayload } from '../../../../src/server/api-types.ts';
import { ApiError, call } from '../../api/client.ts';
import { api, artefactDownload } from '../../api/routes.ts';
import { jobs, previewsOf, progressOf } from '../../api/state.ts';
import {
  AbSlider,
  Button,
  EmptyState,
  ErrorNote,
  Finding,
  LinkButton,
  Menu,
  Progress,
  Segments,
  Select,
  Slider,
  Spinner,
  toastError,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { CellDialog } from './cell-dialog.tsx';
import { cellLabel, finishedGrid, type Grid, type GridCell, runningGrid } from './grid-model.ts';
import { GridTable } from './grid-table.tsx';
import { AgainLink } from './new-grid.tsx';

export function GridPage({ id }: { readonly id: string }) {
  const known = jobs.value.get(id);
  const { value, error } = useLoaded(signal => api.job(id, signal), [id, known?.state]);
  if (error instanceof ApiError && error.status === 404)
    return (
      <div class="page">
        <AgainLink />
        <PageHead title="Compare" />
        <EmptyState icon="compare" title="There is no such grid" text="It was taken out of the list.">
          <LinkButton href="#/compare">Compare something</LinkButton>
        </EmptyState>
      </div>
    );
  return (
    <div class="page compare">
      <AgainLink />
      {error !== undefined && <ErrorNote error={error} />}
      {value ? <Job job={known ? { ...value, ...known } : value} /> : <Spinner label="Reading the grid" />}
    </div>
  );
}

/** Small pictures that were told before this page was opened. */
function usePreviews(id: string, isRunning: boolean): ReadonlyMap<string, string> {
  const [before, setBefore] = useState<readonly { name: string; url: string }[]>([]);
  useEffect(() => {
    if (!isRunning) return;
    call<{ previews: { name: string; url: string }[] }>(
      'GET',
      `/jobs/${encodeURIComponent(id)}/previews`,
    ).then(
      ({ previews }) => setBefore(previews),
      () => undefined,
    );
  }, [id, isRunning]);
  return new Map([...before, ...previewsOf(id).value].map(({ name, url }) => [name, url]));
}

function Job({ job }: { readonly job: ApiWholeJob }) {
  const { id, state, title } = job;
  const isOpen = state === 'running' || state === 'queued' || state === 'paused';
  const progress = progressOf(id).value;
  const previews = usePreviews(id, isOpen);
  const grid = state === 'done' ? finishedGrid(job) : runningGrid(progress, previews);
  const { picture } = job.payload as ComparePayload;
  return (
    <div class="stack">
      <PageHead title={title.split(': ')[0] ?? title} text={picture.prompt && `“${picture.prompt}”`}>
        <Actions job={job} />
      </PageHead>
      {job.error && <ErrorNote error={job.error} />}
      {state === 'failed' && (
        <p class="soft">
          What you put together is kept: <a href="#/compare">change it and draw again</a>.
        </p>
      )}
      {state === 'cancelled' && <Finding level="note">It was cancelled before it was done.</Finding>}
      {isOpen && (
        <Progress
          label={title}
          share={progress?.share ?? (state === 'running' ? undefined : 0)}
          text={
            progress?.text ??
            (state === 'paused' ? 'Paused' : state === 'queued' ? 'Waits for its turn' : 'Begins')
          }
          secondsLeft={progress?.secondsLeft}
        />
      )}
      {grid && (
        <Shown grid={grid} job={job} size={{ width: picture.width ?? 64, height: picture.height ?? 64 }} />
      )}
    </div>
  );
}

function Actions({ job }: { readonly job: ApiWholeJob }) {
  const { id, state, artefacts } = job;
  const sheets = artefacts.filter(({ type }) => type === 'sheet');
  const act = (what: Promise<unknown>): void => void what.catch(toastError);
  if (state === 'running' || state === 'queued')
    return (
      <>
        <Button icon="pause" onClick={() => act(api.pauseJob(id))}>
          Pause
        </Button>
        <Button icon="stop" onClick={() => act(api.cancelJob(id))}>
          Stop
        </Button>
      </>
    );
  if (state === 'paused')
    return (
      <Button icon="play" kind="primary" onClick={() => act(api.resumeJob(id))}>
        Go on
      </Button>
    );
  if (state === 'failed' || state === 'cancelled')
    return (
      <Button icon="retry" onClick={() => act(api.retryJob(id))}>
        Try again
      </Button>
    );
  const [sheet] = sheets;
  if (sheets.length > 1)
    return (
      <Menu
        label="Save a sheet"
        hasText
        icon="download"
        items={sheets.map(one => ({
          label: one.fileName,
          onSelect: () => {
            location.href = artefactDownload(one);
          },
        }))}
      />
    );
  return sheet ? (
    <LinkButton icon="download" href={artefactDownload(sheet)} download={sheet.fileName}>
      Save the sheet
    </LinkButton>
  ) : null;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Cells are shown about so wide at first, as they fit. */
function firstZoom(grid: Grid): number {
  const columns = grid.axes[0]?.labels.length ?? 1;
  const isPhone = window.innerWidth < 720;
  const room = Math.min(window.innerWidth - (isPhone ? 126 : 380), 1100) - 8 * columns;
  return Math.round(Math.max(72, Math.min(280, room / columns)));
}

function Shown({ grid, job, size }: { readonly grid: Grid; readonly job: ApiWholeJob; readonly size: Size }) {
  const [zoom, setZoom] = useState(() => firstZoom(grid));
  const [open, setOpen] = useState<GridCell | undefined>();
  const [sheet, setSheet] = useState<readonly number[]>([]);
  const rest = grid.axes.slice(2);
  const at = rest.map((_, i) => sheet[i] ?? 0);
  const pair = pairOf(grid);
  const isDone = job.state === 'done';
  return (
    <>
      {isDone && pair && (
        <AbSlider
          before={{ url: pair[0].url!, label: labelIn(grid, pair[0]) }}
          after={{ url: pair[1].url!, label: labelIn(grid, pair[1]) }}
          {...size}
        />
      )}
      <div class="grid-bar">
        {rest.map((axis, i) =>
          axis.labels.length <= 5 ? (
            <Segments
              key={axis.title}
              label={axis.title}
              value={String(at[i])}
              options={axis.labels.map((label, k) => ({ value: String(k), label }))}
              onChange={value => setSheet(at.map((place, k) => (k === i ? Number(value) : place)))}
            />
          ) : (
            <Select
              key={axis.title}
              label={axis.title}
              value={String(at[i])}
              options={axis.labels.map((label, k) => ({ value: String(k), label }))}
              onChange={value => setSheet(at.map((place, k) => (k === i ? Number(value) : place)))}
            />
          ),
        )}
        <div class="grid-zoom">
          <Slider
            label="Size of the cells"
            isLabelHidden
            value={zoom}
            min={64}
            max={640}
            step={8}
            onChange={setZoom}
          />
        </div>
      </div>
      <GridTable grid={grid} sheet={at} zoom={zoom} size={size} onOpen={isDone ? setOpen : undefined} />
      {open && <CellDialog grid={grid} first={open} size={size} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** Two pictures and no more are laid upon each other. */
function pairOf({ cells }: Grid): readonly [GridCell, GridCell] | undefined {
  const [first, second, ...more] = cells;
  if (!first?.url || !second?.url || more.length > 0 || first.name === second.name) return undefined;
  return [first, second];
}

const labelIn = (grid: Grid, cell: GridCell): string =>
  cellLabel(grid, cell).replace(/^lora none$/, 'without');

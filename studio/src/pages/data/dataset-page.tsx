/** @file One data set: its pictures, what to do first, its words, its captions. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import {
  Button,
  ConfirmDialog,
  count,
  EmptyState,
  ErrorNote,
  type GivenFile,
  LinkButton,
  Menu,
  type MenuItem,
  Spinner,
  Switch,
  Tabs,
  toastError,
  useDrop,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { datasetPath, trainPath } from './addresses.ts';
import { BulkPanel } from './bulk-panel.tsx';
import { CopyDialog } from './copy-dialog.tsx';
import { removeDataset } from './dataset-api.ts';
import { type DatasetView, openDatasetView } from './dataset-view.ts';
import { pairFiles } from './dropped-files.ts';
import { FilterBar } from './filter-bar.tsx';
import { PictureDrop } from './new-dataset.tsx';
import { PictureDialog } from './picture-dialog.tsx';
import { PictureGrid } from './picture-grid.tsx';
import { ReportPanel } from './report-panel.tsx';
import { splitFindings } from './report-view.ts';
import { UploadList } from './upload-list.tsx';
import { uploadTo } from './upload-state.ts';
import { useWide } from './use-wide.ts';
import { WordsPanel } from './words-panel.tsx';

type Side = 'pictures' | 'report' | 'words' | 'captions';
type Open = 'none' | 'copy' | 'remove-set' | 'remove-pictures' | 'add';

export function DatasetPage({ id }: { readonly id: string }) {
  const view = useMemo(() => openDatasetView(id), [id]);
  useEffect(() => {
    void view.read().then(() => view.whole.peek()?.items.length && view.askReport());
    return () => view.close();
  }, [view]);
  const whole = view.whole.value;
  if (!whole)
    return (
      <div class="page">
        <PageHead title="Data" />
        {view.error.value ? (
          <ErrorNote error={view.error.value} onRetry={() => void view.read()} />
        ) : (
          <Spinner />
        )}
      </div>
    );
  return <OpenDataset key={id} view={view} />;
}

function OpenDataset({ view }: { readonly view: DatasetView }) {
  const whole = view.whole.value!;
  const isWide = useWide('(min-width: 1080px)');
  const side = useSignal<Side>(isWide ? 'report' : 'pictures');
  const open = useSignal<Open>('none');
  const hasCrops = useSignal(true);
  const large = useSignal<string | undefined>(undefined);
  const add = (files: readonly GivenFile[]): void => {
    const { pictures, leftOut } = pairFiles(files);
    open.value = 'none';
    void uploadTo(view.id, pictures, leftOut).then(() => {
      void view.read();
      view.askReport();
    });
  };
  const drop = useDrop({
    onGiven: files => {
      if (view.canAdd.peek()) return add(files);
      toastError(new Error('Pictures can be added to data sets of your own: make a copy of this one.'));
    },
  });
  const close = (): void => {
    open.value = 'none';
  };
  const isEmpty = whole.items.length === 0;
  return (
    <div class={`page data-page ${drop.isOver ? 'drop-over' : ''}`} {...drop.handlers}>
      <PageHead
        title={whole.name}
        text={
          <>
            <a href="#/data">Data</a> · {count(whole.pictures, 'picture')}, {whole.captioned} with captions
            {whole.licence ? ` · ${whole.licence}` : ''}
          </>
        }
      >
        <Menu label="More" items={menuOf(view, open)} />
        {view.canAdd.value && (
          <Button
            icon="add"
            onClick={() => {
              open.value = 'add';
            }}
          >
            Add pictures
          </Button>
        )}
        {whole.origin === 'example' && (
          <Button
            icon="copy"
            onClick={() => {
              open.value = 'copy';
            }}
          >
            Copy to change it
          </Button>
        )}
        {!isEmpty && (
          <LinkButton kind="primary" icon="train" href={`#${trainPath(view.id, trainQuery(view))}`}>
            Train
          </LinkButton>
        )}
      </PageHead>
      <UploadList dataset={view.id} onChange={() => void view.read()} />
      {isEmpty || open.value === 'add' ? (
        <PictureDrop
          onFiles={add}
          label={isEmpty ? 'Drop pictures or a folder here' : 'Drop more pictures or a folder here'}
        />
      ) : null}
      {!isEmpty && (
        <div class="dataset-body">
          {!isWide && (
            <SideTabs view={view} side={side} isWide={false}>
              {side.value !== 'pictures' && <SidePanel view={view} side={side.value} />}
            </SideTabs>
          )}
          {(isWide || side.value === 'pictures') && (
            <div class="stack dataset-main">
              <FilterBar view={view} onRemove={() => (open.value = 'remove-pictures')}>
                <Switch label="Crops" isOn={hasCrops.value} onChange={isOn => (hasCrops.value = isOn)} />
              </FilterBar>
              {view.shown.value.length === 0 ? (
                <EmptyState
                  icon="search"
                  title="No picture is like that"
                  text="Take a filter away to see more."
                />
              ) : (
                <PictureGrid
                  view={view}
                  hasCrops={hasCrops.value}
                  onOpen={picture => (large.value = picture)}
                  onRemove={() => {
                    if (view.canAdd.value) open.value = 'remove-pictures';
                  }}
                />
              )}
            </div>
          )}
          {isWide && (
            <aside class="dataset-side" aria-label="About this data set">
              <SideTabs view={view} side={side} isWide>
                <SidePanel view={view} side={side.value} />
              </SideTabs>
            </aside>
          )}
        </div>
      )}
      {large.value !== undefined && (
        <PictureDialog
          view={view}
          id={large.value}
          onChange={next => (large.value = next)}
          onClose={() => (large.value = undefined)}
        />
      )}
      {open.value === 'copy' && (
        <CopyDialog from={view.id} name={whole.name} onClose={close} onDone={next => go(datasetPath(next))} />
      )}
      {open.value === 'remove-pictures' && (
        <ConfirmDialog
          title={`Remove ${count(view.selection.value.chosen.size, 'picture')}?`}
          text="They leave the data set, with their captions, and are kept aside for some days."
          action="Remove"
          onClose={close}
          onConfirm={() => void view.removeChosen()}
        />
      )}
      {open.value === 'remove-set' && (
        <ConfirmDialog
          title={`Remove ${whole.name}?`}
          text={
            whole.origin === 'folder'
              ? 'The studio forgets this folder. The folder and all that is in it stay as they are.'
              : 'Its pictures and captions are kept aside for some days, then deleted.'
          }
          action={whole.origin === 'folder' ? 'Forget it' : 'Remove'}
          onClose={close}
          onConfirm={() => void removeDataset(view.id).then(() => go('/data'), toastError)}
        />
      )}
    </div>
  );
}

function trainQuery({ goal, trigger }: DatasetView): Record<string, string> {
  return {
    ...(goal.value ? { goal: goal.value } : {}),
    ...(trigger.value.trim() ? { trigger: trigger.value.trim() } : {}),
  };
}

function menuOf(view: DatasetView, open: { value: Open }): MenuItem[] {
  const { canUndo, origin } = view.whole.value!;
  return [
    {
      label: 'Undo the last caption change',
      icon: 'undo',
      isDisabled: !canUndo,
      onSelect: () => void view.undo(),
    },
    { label: 'Make a copy', icon: 'copy', onSelect: () => (open.value = 'copy') },
    ...(origin === 'example'
      ? []
      : [
          {
            label: origin === 'folder' ? 'Forget this folder' : 'Remove this data set',
            icon: 'trash' as const,
            isDanger: true,
            onSelect: () => (open.value = 'remove-set'),
          },
        ]),
  ];
}

function SideTabs({
  view,
  side,
  isWide,
  children,
}: {
  readonly view: DatasetView;
  readonly side: { value: Side };
  readonly isWide: boolean;
  readonly children: ComponentChildren;
}) {
  const report = view.report.value.value;
  const toDo = report ? splitFindings(report.findings).toDo.length : undefined;
  const tabs = [
    ...(isWide ? [] : [{ id: 'pictures' as const, label: 'Pictures', count: view.shown.value.length }]),
    { id: 'report' as const, label: 'To do', ...(toDo === undefined ? {} : { count: toDo }) },
    { id: 'words' as const, label: 'Words' },
    { id: 'captions' as const, label: 'Captions' },
  ];
  const selected = isWide && side.value === 'pictures' ? 'report' : side.value;
  return (
    <Tabs<Side>
      label="About this data set"
      tabs={tabs}
      selected={selected}
      onSelect={next => (side.value = next)}
    >
      {children}
    </Tabs>
  );
}

function SidePanel({ view, side }: { readonly view: DatasetView; readonly side: Side }) {
  if (side === 'words') return <WordsPanel view={view} />;
  if (side === 'captions') return <BulkPanel view={view} />;
  return <ReportPanel view={view} />;
}

/** @file Library: the grid of all cards, and the page of one. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { api } from '../../api/routes.ts';
import type { PageProps } from '../../pages.ts';
import { Button, Menu, toast, toastError, useDrop } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { startList } from './card-list.ts';
import { CardPage } from './card-page.tsx';
import { DuplicatesDialog, isDuplicatesOpen } from './duplicates.tsx';
import { GridView } from './grid-view.tsx';
import { ImportDialog, importFiles, isImportOpen, openImport } from './import.tsx';
import { MergeDialog, mergeFrom, openMerge } from './merge-dialog.tsx';
import './library.css';

export function Page({ rest: [id] }: PageProps) {
  useEffect(() => {
    startList();
    return closeDialogs;
  }, []);
  const { isOver, handlers } = useDrop({ onFiles: files => void importFiles(files) });
  const kept = useRef(0);
  // The grid stays below the card, so that coming back is coming back: same place, same card.
  useLayoutEffect(() => {
    if (id !== undefined) return;
    window.scrollTo(0, kept.current);
    return () => {
      kept.current = window.scrollY;
    };
  }, [id]);
  return (
    <div
      class={`page library ${isOver && id === undefined ? 'over' : ''}`}
      {...(id === undefined ? handlers : {})}
    >
      <div hidden={id !== undefined}>
        {id === undefined && <Head />}
        <GridView />
      </div>
      {id !== undefined && <CardPage key={id} id={id} />}
      {isImportOpen.value && <ImportDialog />}
      {isDuplicatesOpen.value && <DuplicatesDialog />}
      {mergeFrom.value && <MergeDialog />}
    </div>
  );
}

/** Who leaves the page leaves what was open on it. */
function closeDialogs(): void {
  isImportOpen.value = false;
  isDuplicatesOpen.value = false;
  mergeFrom.value = undefined;
}

function Head() {
  return (
    <PageHead title="Library">
      <Button icon="upload" onClick={openImport}>
        Import
      </Button>
      <Menu
        label="More for the library"
        items={[
          {
            ...{ label: 'Look for changes', icon: 'retry' as const },
            onSelect: () =>
              void api
                .scan()
                .then(() => toast('Looking for what is new, changed, moved or gone'), toastError),
          },
          { label: 'Folders', icon: 'folder', onSelect: () => go('/settings') },
          {
            ...{ label: 'Merge LoRAs', icon: 'wand' as const },
            onSelect: () => openMerge([]),
          },
          {
            ...{ label: 'Find duplicates', icon: 'copy' as const },
            onSelect: () => {
              isDuplicatesOpen.value = true;
            },
          },
        ]}
      />
    </PageHead>
  );
}

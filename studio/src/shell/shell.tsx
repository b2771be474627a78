/** @file The frame around pages. */
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { homePage, type PageProps, pages } from '../pages.ts';
import { EmptyState, LinkButton, Spinner, Toasts } from '../parts/index.ts';
import { Banner } from './banner.tsx';
import { BottomBar, Sidebar } from './navigation.tsx';
import { PageFault } from './page-fault.tsx';
import { PageHead } from './page-head.tsx';
import { route } from './router.ts';

/** `/` goes to the search of the page that is shown. */
function searchKey(event: KeyboardEvent): void {
  const { target } = event;
  const isTyping =
    target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return;
  const search = document.querySelector<HTMLInputElement>('main input[type="search"]');
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

export function Shell() {
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.addEventListener('keydown', searchKey);
    return () => document.removeEventListener('keydown', searchKey);
  }, []);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: the hash is taken by the router */}
      <a
        class="skip"
        href="#main"
        onClick={event => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <div class="shell">
        <Sidebar />
        <main id="main" class="main" ref={main} tabIndex={-1}>
          <Banner />
          <CurrentPage onArrive={() => main.current?.focus({ preventScroll: true })} />
        </main>
      </div>
      <BottomBar />
      <Toasts />
    </>
  );
}

interface Shown {
  readonly path: string;
  readonly Page?: ComponentType<PageProps>;
  /** How often it could not be loaded. */
  readonly faults?: number;
}

const hasActed = (): boolean => navigator.userActivation?.hasBeenActive ?? true;

const isFocusLost = (): boolean =>
  document.activeElement === null || document.activeElement === document.body;

function CurrentPage({ onArrive }: { readonly onArrive: () => void }) {
  const { page, rest, query } = route.value;
  const path = page || homePage;
  const row = pages.find(one => one.path === path);
  const [shown, setShown] = useState<Shown | undefined>();
  const [turn, setTurn] = useState(0);
  const isFirst = useRef(true);
  useEffect(() => {
    let isOver = false;
    row?.load().then(
      ({ Page }) => {
        if (isOver) return;
        setShown({ path, Page });
        // Arriving by a link moves focus to the page; opening the studio does not, nor being led to where one begins.
        if (!isFirst.current) {
          window.scrollTo(0, 0);
          if (hasActed()) onArrive();
        }
        isFirst.current = false;
      },
      () =>
        isOver || setShown(last => ({ path, faults: 1 + (last?.path === path ? (last.faults ?? 0) : 0) })),
    );
    return () => {
      isOver = true;
    };
  }, [row, path, turn]);
  const arrival = useRef(route.value);
  useEffect(() => {
    const isWithin = arrival.current !== route.value && (arrival.current.page || homePage) === path;
    arrival.current = route.value;
    // On the way into a page and back, what had the focus is gone with what was shown; tabs and fields keep theirs.
    if (isWithin && !isFirst.current && isFocusLost()) onArrive();
  }, [route.value]);
  if (!row)
    return (
      <div class="page">
        <PageHead title="Not found" />
        <EmptyState icon="search" title="There is no such page" text={`Nothing is at “${path}”.`}>
          <LinkButton href={`#/${homePage}`}>Go to Generate</LinkButton>
        </EmptyState>
      </div>
    );
  if (shown?.path !== path)
    return (
      <div class="page-wait">
        <Spinner label={`Opening ${row.label}`} />
      </div>
    );
  if (!shown.Page)
    return (
      <PageFault title={row.label} faults={shown.faults ?? 1} onRetry={() => setTurn(last => last + 1)} />
    );
  return <shown.Page rest={rest} query={query} />;
}

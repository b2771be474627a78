/** @file The frame around pages. */
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { homePage, type PageProps, pages } from '../pages.ts';
import { EmptyState, ErrorNote, LinkButton, Spinner, Toasts } from '../parts/index.ts';
import { Banner } from './banner.tsx';
import { BottomBar, Sidebar } from './navigation.tsx';
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
  readonly error?: unknown;
}

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
        // Arriving by a link moves focus to the page; opening the studio does not.
        if (!isFirst.current) {
          window.scrollTo(0, 0);
          onArrive();
        }
        isFirst.current = false;
      },
      (error: unknown) => isOver || setShown({ path, error }),
    );
    return () => {
      isOver = true;
    };
  }, [row, path, turn]);
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
      <div class="page narrow">
        <PageHead title={row.label} />
        <ErrorNote error={shown.error} onRetry={() => setTurn(turn + 1)} />
      </div>
    );
  return <shown.Page rest={rest} query={query} />;
}

/** @file Ways between pages: a sidebar where there is room, else a bar below with the rest behind “More”. */
import { useCallback, useRef, useState } from 'preact/hooks';
import { pausedJobs, queuedJobs, runningJobs } from '../api/state.ts';
import { homePage, type PageRow, pages } from '../pages.ts';
import { Icon, Popover } from '../parts/index.ts';
import { QueueStatus } from './queue-status.tsx';
import { route } from './router.ts';
import { ThemeSwitch } from './theme-switch.tsx';

const current = (): string => route.value.page || homePage;
const waiting = (): number => runningJobs.value.length + queuedJobs.value.length + pausedJobs.value.length;

export function Sidebar() {
  return (
    <div class="sidebar">
      <a class="brand" href={`#/${homePage}`} aria-label="LoRA Studio">
        <Mark />
        <span>LoRA Studio</span>
      </a>
      <nav aria-label="Pages">
        {(['make', 'look'] as const).map(group => (
          <NavList key={group} rows={pages.filter(page => page.group === group)} />
        ))}
      </nav>
      <div class="sidebar-foot">
        <QueueStatus />
        <nav aria-label="Studio">
          <NavList rows={pages.filter(page => page.group === 'studio')} />
        </nav>
        <ThemeSwitch />
      </div>
    </div>
  );
}

function NavList({ rows }: { readonly rows: readonly PageRow[] }) {
  return (
    <ul class="nav-list">
      {rows.map(row => (
        <li key={row.path}>
          <NavLink row={row} />
        </li>
      ))}
    </ul>
  );
}

function NavLink({ row, onPress }: { readonly row: PageRow; readonly onPress?: () => void }) {
  const isCurrent = current() === row.path;
  const open = row.path === 'queue' ? waiting() : 0;
  return (
    <a
      class="nav-link"
      href={`#/${row.path}`}
      {...(isCurrent ? { 'aria-current': 'page' } : {})}
      onPointerEnter={() => void row.load().catch(() => undefined)}
      onClick={() => onPress?.()}
    >
      <Icon name={row.icon} />
      <span>{row.label}</span>
      {open > 0 && (
        <span class="count numbers">
          {open}
          <span class="aside-text"> jobs</span>
        </span>
      )}
    </a>
  );
}

export function BottomBar() {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => setOpen(false), []);
  const behind = pages.filter(page => !page.isInBar);
  const isBehind = behind.some(page => page.path === current());
  const open = waiting();
  return (
    <nav class="bar" aria-label="Pages">
      {pages
        .filter(page => page.isInBar)
        .map(row => (
          <NavLink key={row.path} row={row} />
        ))}
      <button
        ref={anchor}
        type="button"
        class="nav-link"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        {...(isBehind ? { 'aria-current': 'page' } : {})}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
        <span>More</span>
        {open > 0 && (
          <span class="count numbers">
            {open}
            <span class="aside-text"> jobs</span>
          </span>
        )}
      </button>
      {isOpen && (
        <Popover anchor={anchor} onClose={close} label="More pages">
          <div class="sheet">
            <QueueStatus />
            {behind.map(row => (
              <NavLink key={row.path} row={row} onPress={close} />
            ))}
            <ThemeSwitch />
          </div>
        </Popover>
      )}
    </nav>
  );
}

/** A column and a row, and the square they span: A and B. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M8 8h4.5v16H8zM15 8h9v4.500h-9z" fill="var(--accent-ink)" />
      <path d="M15 15h9v9h-9z" fill="var(--accent-ink)" opacity=".45" />
    </svg>
  );
}

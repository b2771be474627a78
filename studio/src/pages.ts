/** @file The pages: a row each. Their code is loaded when they are visited, or when a link to them is pointed at. */
import type { ComponentType } from 'preact';
import type { IconName } from './parts/index.ts';

export interface PageProps {
  /** What follows the page's name in the address. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

export interface PageRow {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  /** Where it stands: the way from pictures to pictures, what was made, the studio itself. */
  readonly group: 'make' | 'look' | 'studio';
  /** On phones: in the bar, or behind “More”. */
  readonly isInBar: boolean;
  readonly load: () => Promise<{ readonly Page: ComponentType<PageProps> }>;
}

export const pages: readonly PageRow[] = [
  {
    ...{ path: 'data', label: 'Data', icon: 'data', group: 'make', isInBar: true },
    load: () => import('./pages/data/index.tsx'),
  },
  {
    ...{ path: 'train', label: 'Train', icon: 'train', group: 'make', isInBar: true },
    load: () => import('./pages/train/index.tsx'),
  },
  {
    ...{ path: 'generate', label: 'Generate', icon: 'generate', group: 'make', isInBar: true },
    load: () => import('./pages/generate/index.tsx'),
  },
  {
    ...{ path: 'library', label: 'Library', icon: 'library', group: 'look', isInBar: true },
    load: () => import('./pages/library/index.tsx'),
  },
  {
    ...{ path: 'compare', label: 'Compare', icon: 'compare', group: 'look', isInBar: false },
    load: () => import('./pages/compare/index.tsx'),
  },
  {
    ...{ path: 'queue', label: 'Queue', icon: 'queue', group: 'look', isInBar: false },
    load: () => import('./pages/queue/index.tsx'),
  },
  {
    ...{ path: 'settings', label: 'Settings', icon: 'settings', group: 'studio', isInBar: false },
    load: () => import('./pages/settings/index.tsx'),
  },
];

/** Where one arrives. */
export const homePage = 'generate';

/** @file Compare: putting a grid together, and looking into one. */
import type { PageProps } from '../../pages.ts';
import { GridPage } from './grid-page.tsx';
import { NewGrid } from './new-grid.tsx';
import '../generate/generate.css';
import './compare.css';

export function Page({ rest: [id], query }: PageProps) {
  return id === undefined ? <NewGrid query={query} /> : <GridPage key={id} id={id} />;
}

/** @file Data: all data sets, or one of them. */
import type { PageProps } from '../../pages.ts';
import { DatasetList } from './dataset-list.tsx';
import { DatasetPage } from './dataset-page.tsx';
import './data.css';

export function Page({ rest: [id] }: PageProps) {
  return id === undefined ? <DatasetList /> : <DatasetPage key={id} id={id} />;
}

/** @file Train: all runs, a new one, or one as it goes. */
import type { PageProps } from '../../pages.ts';
import { CompareRuns } from './compare-runs.tsx';
import { NewRunPage } from './new-run.tsx';
import { RunList } from './run-list.tsx';
import { RunPage } from './run-page.tsx';
import './new-run.css';
import './run.css';
import './runs.css';

export function Page({ rest: [id], query }: PageProps) {
  if (id === 'new') return <NewRunPage query={query} />;
  if (id !== undefined) return <RunPage key={id} id={id} />;
  const compared = query.get('compare')?.split(',').filter(Boolean) ?? [];
  return compared.length > 1 ? <CompareRuns ids={compared} /> : <RunList />;
}

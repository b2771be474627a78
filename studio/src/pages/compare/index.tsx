/** @file Compare: not here yet; says so and no more. */
import { EmptyState } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';

export function Page() {
  return (
    <div class="page">
      <PageHead title="Compare" />
      <EmptyState
        icon="compare"
        title="This page is not built yet"
        text="The command line has what it will show."
      />
    </div>
  );
}

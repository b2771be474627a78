/** @file The epochs and versions of one training, in order. */
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { stateWords } from './card-tile.tsx';

export function CardVersions({ card: { id, versions } }: { readonly card: ApiWholeCard }) {
  return (
    <section class="stack tight" aria-labelledby="versions-title">
      <h2 id="versions-title">Epochs and versions</h2>
      <ol class="version-list">
        {versions.map(version => (
          <li key={version.id}>
            <a
              href={`#/library/${version.id}`}
              class="version"
              {...(version.id === id ? { 'aria-current': 'true' as const } : {})}
            >
              <span class="grow version-name">{version.name}</span>
              <span class="small soft numbers">
                {[
                  version.step === undefined ? '' : `step ${version.step.toLocaleString('en')}`,
                  stateWords[version.state],
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </a>
          </li>
        ))}
      </ol>
    </section>
  );
}

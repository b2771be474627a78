/** @file Above the pictures: what is shown of them, what is selected, and what can be done with that. */
import type { ComponentChildren } from 'preact';
import { Button, Chip, count, TextField } from '../../parts/index.ts';
import type { DatasetView } from './dataset-view.ts';
import { isFiltering } from './picture-filter.ts';
import { findingTitle } from './report-view.ts';
import { nothingSelected, selectAll } from './selection.ts';

export function FilterBar({
  view,
  onRemove,
  children,
}: {
  readonly view: DatasetView;
  readonly onRemove: () => void;
  readonly children: ComponentChildren;
}) {
  const filter = view.filter.value;
  const { chosen } = view.selection.value;
  const shown = view.shown.value.length;
  const total = view.whole.value?.items.length ?? 0;
  const change = (to: object): void => {
    view.filter.value = { ...view.filter.peek(), ...to };
  };
  return (
    <div class="stack tight filter-bar">
      <div class="row wrap">
        <div class="grow filter-text">
          <TextField
            label="Find in captions and names"
            isLabelHidden
            type="search"
            placeholder="Find in captions and names"
            value={filter.text}
            onInput={text => change({ text })}
          />
        </div>
        {children}
      </div>
      <div class="row wrap small">
        {filter.finding && (
          <Chip tone="warning" onRemove={() => change({ named: undefined, finding: undefined })}>
            {findingTitle(filter.finding)}
          </Chip>
        )}
        {filter.terms.map(term => (
          <Chip key={term} isOn onRemove={() => change({ terms: filter.terms.filter(one => one !== term) })}>
            {term}
          </Chip>
        ))}
        <span class="soft numbers" role="status">
          {isFiltering(filter) ? `${shown} of ${total} shown` : count(total, 'picture')}
          {chosen.size > 0 && ` · ${chosen.size} selected`}
        </span>
        {chosen.size > 0 ? (
          <>
            <Button size="small" kind="quiet" onClick={() => (view.selection.value = nothingSelected)}>
              Select none
            </Button>
            {view.canAdd.value && (
              <Button size="small" kind="quiet" icon="trash" onClick={onRemove}>
                Remove
              </Button>
            )}
          </>
        ) : (
          shown > 0 && (
            <Button
              size="small"
              kind="quiet"
              onClick={() =>
                (view.selection.value = selectAll(
                  view.selection.peek(),
                  view.shown.peek().map(({ id }) => id),
                ))
              }
            >
              Select all
            </Button>
          )
        )}
      </div>
    </div>
  );
}

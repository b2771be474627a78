/** @file On which pictures: the data sets as small cards, and what the report says of the chosen one. */
import type { ApiDataset } from '../../../../src/server/api-types.ts';
import { count, Icon, LinkButton } from '../../parts/index.ts';
import { datasetPath } from '../data/addresses.ts';
import { Covers } from '../data/covers.tsx';
import { splitFindings } from '../data/report-view.ts';
import type { TrainForm } from './train-form.ts';

export function DatasetChoice({ form }: { readonly form: TrainForm }) {
  const datasets = (form.datasets.value ?? []).filter(({ pictures }) => pictures > 0);
  return (
    <fieldset class="form-part">
      <legend>Pictures</legend>
      <div class="dataset-choices">
        {datasets.map(dataset => (
          <DatasetOption key={dataset.id} form={form} dataset={dataset} />
        ))}
        <LinkButton href="#/data" icon="add" kind="quiet">
          Other pictures
        </LinkButton>
      </div>
      <ReportLine form={form} />
    </fieldset>
  );
}

function DatasetOption({ form, dataset }: { readonly form: TrainForm; readonly dataset: ApiDataset }) {
  const { id, name, pictures, covers } = dataset;
  return (
    <label class="dataset-choice">
      <input
        type="radio"
        name="dataset"
        value={id}
        checked={form.dataset.value === id}
        onChange={() => form.choose(id)}
      />
      <Covers covers={covers} />
      <span class="grow">
        <span class="choice-name">{name}</span>
        <span class="soft small">{count(pictures, 'picture')}</span>
      </span>
    </label>
  );
}

/** What has to be done first, in one line. */
function ReportLine({ form }: { readonly form: TrainForm }) {
  const { value, isAsking } = form.report.value;
  if (form.dataset.value === '') return null;
  if (!value) return <p class="report-line soft small">{isAsking ? 'Looking at the pictures …' : ''}</p>;
  const { toDo } = splitFindings(value.findings);
  const bad = toDo.filter(({ severity }) => severity === 'high');
  const [first] = toDo;
  if (form.isExample.value)
    return (
      <p class="report-line small">
        <Icon name="check" size={16} />
        <span>
          {count(value.different, 'different picture')} that came with the studio.{' '}
          {toDo.length > 0 && (
            <a href={`#${datasetPath(form.dataset.value)}`}>What the report says of them</a>
          )}
        </span>
      </p>
    );
  if (!first)
    return (
      <p class="report-line small">
        <Icon name="check" size={16} /> {count(value.different, 'different picture')}, nothing wrong with
        them.
      </p>
    );
  return (
    <p class={`report-line small ${bad.length > 0 ? 'bad' : 'some'}`}>
      <Icon name={bad.length > 0 ? 'warning' : 'info'} size={16} />
      <span>
        {first.text}{' '}
        <a href={`#${datasetPath(form.dataset.value)}`}>
          {toDo.length > 1 ? `See all ${toDo.length} findings` : 'See'}
        </a>
      </span>
    </p>
  );
}

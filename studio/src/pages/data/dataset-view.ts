/** @file What the page of one data set knows, as signals, and what can be done with them. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { ApiDatasetPicture, ApiWholeDataset } from '../../../../src/server/api-types.ts';
import { ApiError, isAbort } from '../../api/client.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { toast, toastError } from '../../parts/index.ts';
import { removePicture, setCaption, undoCaptions } from './dataset-api.ts';
import { keepPurpose, keptPurpose, type Purpose } from './kept-purpose.ts';
import { filterPictures, noFilter, type PictureFilter } from './picture-filter.ts';
import { type ReportState, watchReport } from './report-state.ts';
import { badgesOf, type ReportPicture } from './report-view.ts';
import { nothingSelected, type Selection, withinOrder } from './selection.ts';
import { type CaptionStyle, styleOf } from './terms.ts';

export interface DatasetView {
  readonly id: string;
  readonly whole: Signal<ApiWholeDataset | undefined>;
  readonly error: Signal<unknown>;
  readonly goal: Signal<string>;
  readonly trigger: Signal<string>;
  readonly filter: Signal<PictureFilter>;
  readonly selection: Signal<Selection>;
  /** The picture whose caption is being written. */
  readonly editing: Signal<string | undefined>;
  readonly report: ReadonlySignal<ReportState>;
  readonly style: ReadonlySignal<CaptionStyle>;
  /** As filtered, in the order of names. */
  readonly shown: ReadonlySignal<readonly ApiDatasetPicture[]>;
  readonly badges: ReadonlySignal<ReturnType<typeof badgesOf>>;
  /** Crops and numbers by picture's name. */
  readonly measured: ReadonlySignal<ReadonlyMap<string, ReportPicture>>;
  readonly canEdit: ReadonlySignal<boolean>;
  readonly canAdd: ReadonlySignal<boolean>;
  read(): Promise<void>;
  askReport(): void;
  /** Goal and word decide how strict the report is. */
  judgeFor(purpose: Purpose): void;
  writeCaption(picture: ApiDatasetPicture, text: string): Promise<void>;
  undo(): Promise<void>;
  removeChosen(): Promise<void>;
  close(): void;
}

/** Opens the page of a data set; `close` ends what it asked for. */
export function openDatasetView(id: string): DatasetView {
  const whole = signal<ApiWholeDataset | undefined>(undefined);
  const error = signal<unknown>(undefined);
  const goal = signal('');
  const trigger = signal('');
  const filter = signal<PictureFilter>(noFilter);
  const selection = signal<Selection>(nothingSelected);
  const editing = signal<string | undefined>(undefined);
  const items = computed(() => whole.value?.items ?? []);
  const style = computed(() => styleOf(items.value.map(({ caption }) => caption)));
  const shown = computed(() => filterPictures(items.value, filter.value, style.value));
  const report = watchReport(() => ({
    dataset: id,
    ...(goal.peek() ? { goal: goal.peek() } : {}),
    ...(trigger.peek().trim() ? { trigger: trigger.peek().trim() } : {}),
  }));
  const value = computed(() => report.state.value.value);
  const measured = computed(() => new Map((value.value?.pictures ?? []).map(one => [one.picture, one])));
  let isClosed = false;

  const read = async (): Promise<void> => {
    try {
      const next = await api.dataset(id);
      if (isClosed) return;
      batch(() => {
        if (whole.peek() === undefined) {
          const kept = keptPurpose(id);
          goal.value = kept.goal ?? next.suggestion?.goal ?? '';
          trigger.value = kept.trigger ?? next.suggestion?.trigger ?? '';
        }
        whole.value = next;
        error.value = undefined;
        selection.value = withinOrder(
          selection.peek(),
          next.items.map(item => item.id),
        );
      });
    } catch (fault) {
      if (!isAbort(fault)) error.value = fault;
    }
  };
  /** Of many events (a hundred uploads) one reading. */
  let later: ReturnType<typeof setTimeout> | undefined;
  const changed = (): void => {
    clearTimeout(later);
    later = setTimeout(() => void read(), 300);
    report.askSoon();
  };
  const stopEvents = onEvent('dataset', event => {
    if (event.id === id) changed();
  });
  const replace = (picture: ApiDatasetPicture): void => {
    const old = whole.peek();
    if (old)
      whole.value = {
        ...old,
        canUndo: true,
        items: old.items.map(item => (item.id === picture.id ? picture : item)),
      };
  };

  return {
    ...{ id, whole, error, goal, trigger, filter, selection, editing, style, shown, measured, read },
    report: report.state,
    badges: computed(() => badgesOf(value.value?.findings ?? [])),
    canEdit: computed(() => whole.value !== undefined && whole.value.origin !== 'example'),
    canAdd: computed(() => whole.value?.origin === 'own'),
    askReport: () => report.askSoon(),
    judgeFor(purpose) {
      batch(() => {
        if (purpose.goal !== undefined) goal.value = purpose.goal;
        if (purpose.trigger !== undefined) trigger.value = purpose.trigger;
      });
      keepPurpose(id, { goal: goal.peek(), trigger: trigger.peek() });
      report.askSoon();
    },
    async writeCaption(picture, text) {
      if (text.trim() === picture.caption.trim()) return;
      replace({ ...picture, caption: text });
      try {
        replace(await setCaption(id, picture.id, text));
        if (!isClosed) report.askSoon();
      } catch (fault) {
        replace(picture);
        toastError(fault);
      }
    },
    async undo() {
      try {
        await undoCaptions(id);
        toast('The last change of captions is taken back.');
        changed();
      } catch (fault) {
        toastError(fault);
      }
    },
    async removeChosen() {
      const chosen = [...selection.peek().chosen];
      const faults = await Promise.all(
        chosen.map(picture =>
          removePicture(id, picture).then(
            () => undefined,
            (fault: unknown) => fault,
          ),
        ),
      );
      const fault = faults.find(one => one !== undefined);
      if (fault)
        toastError(fault instanceof ApiError || fault instanceof Error ? fault : new Error(String(fault)));
      changed();
    },
    close() {
      isClosed = true;
      clearTimeout(later);
      stopEvents();
      report.close();
    },
  };
}

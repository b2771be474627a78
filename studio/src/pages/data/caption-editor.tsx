/** @file A caption being written, in its place: Tab saves and goes to the next picture, Escape leaves it as it was. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import type { DatasetView } from './dataset-view.ts';

export function CaptionEditor({
  view,
  picture,
}: {
  readonly view: DatasetView;
  readonly picture: ApiDatasetPicture;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(picture.caption);
  const isDone = useRef(false);
  // Before the next key comes.
  useLayoutEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(picture.caption.length, picture.caption.length);
  }, []);
  const leave = (to: string | undefined, isSaved: boolean): void => {
    if (isDone.current) return;
    isDone.current = true;
    const cell = area.current?.closest<HTMLElement>('[role="gridcell"]');
    view.editing.value = to;
    if (isSaved) void view.writeCaption(picture, text);
    if (to === undefined) cell?.focus();
  };
  const neighbour = (by: number): string | undefined => {
    const order = view.shown.peek();
    return order[order.findIndex(({ id }) => id === picture.id) + by]?.id;
  };
  return (
    <textarea
      ref={area}
      class="tile-caption writing"
      aria-label={`Caption of ${picture.name}`}
      value={text}
      spellcheck
      dir="auto"
      onInput={event => setText(event.currentTarget.value)}
      onBlur={() => leave(view.editing.peek() === picture.id ? undefined : view.editing.peek(), true)}
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === 'Escape') leave(undefined, false);
        else if (event.key === 'Enter' && !event.shiftKey) leave(undefined, true);
        else if (event.key === 'Tab') leave(neighbour(event.shiftKey ? -1 : 1), true);
        else return;
        event.preventDefault();
      }}
    />
  );
}

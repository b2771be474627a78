/** @file A place where files are dropped or chosen. */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { Button } from './button.tsx';
import { type DropTargetProps, useDrop } from './drop.ts';
import { Icon, type IconName } from './icon.tsx';

export function DropZone({
  label,
  hint,
  accept = 'image/*',
  isMultiple,
  takesFolder,
  icon = 'upload',
  isBusy,
  children,
  ...drop
}: Omit<DropTargetProps, 'onGiven'> & {
  /** What to drop here. */
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly accept?: string | undefined;
  readonly isMultiple?: boolean | undefined;
  /** Offers a folder, too. */
  readonly takesFolder?: boolean | undefined;
  readonly icon?: IconName | undefined;
  readonly isBusy?: boolean | undefined;
  readonly children?: ComponentChildren;
}) {
  const { isOver, handlers } = useDrop(drop);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const pick = (input: HTMLInputElement): void => {
    const picked = [...(input.files ?? [])];
    input.value = '';
    if (picked.length > 0) drop.onFiles?.(picked);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be read as a form
    <div class={`drop-zone ${isOver ? 'over' : ''}`} role="group" aria-label={label} {...handlers}>
      <Icon name={icon} size={24} />
      <p>{label}</p>
      {hint && <p class="soft small">{hint}</p>}
      <div class="row wrap centre">
        <Button size="small" isBusy={isBusy} onClick={() => files.current?.click()}>
          {isMultiple ? 'Choose files' : 'Choose a file'}
        </Button>
        {takesFolder && (
          <Button size="small" isBusy={isBusy} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
        )}
        {children}
      </div>
      <input
        ref={files}
        type="file"
        hidden
        tabIndex={-1}
        aria-hidden="true"
        accept={accept}
        multiple={isMultiple ?? false}
        onChange={event => pick(event.currentTarget)}
      />
      {takesFolder && (
        <input
          ref={folder}
          type="file"
          hidden
          tabIndex={-1}
          aria-hidden="true"
          {...{ webkitdirectory: true }}
          onChange={event => pick(event.currentTarget)}
        />
      )}
    </div>
  );
}

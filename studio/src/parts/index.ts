/**
 * @file The parts that pages are made of.
 *
 * Conventions of the page:
 * - A page is a folder `pages/<name>/` whose `index.tsx` exports `Page`; it is a row of `src/pages.ts`, loaded when it is
 *   visited. It begins with `<PageHead title=…>` (shell/page-head.tsx), which holds the only `h1`, inside `<div class="page">`.
 * - Data comes from `api` (api/routes.ts: every address stands there and nowhere else) and from the signals of
 *   `api/state.ts`, which events keep true. Read a signal with `.value` in the component that shows it, so that only that
 *   one is drawn again. What a page reads for itself: `useLoaded(() => api.…, [what it depends on])`.
 * - Parts take plain values and tell changes (`value`, `onChange`); they keep no state of the application.
 * - Every value has a label (`isLabelHidden` where it is plain to see), every icon button a word. Errors are shown where
 *   they belong with `<ErrorNote error>`; what belongs nowhere is `toastError`.
 * - Progress is read aloud at most every ten seconds; lists of many use `isQuiet`.
 * - Styles: colours, sizes and distances only from styles/tokens.css; layout words `row`, `stack`, `columns`, `panel`, `soft`,
 *   `small`, `numbers` from styles/base.css; a page's own styles lie in its folder and are imported by its `index.tsx`.
 *   No inline style but computed numbers; nothing that a strict Content-Security-Policy would refuse.
 * - Keys: mod+Enter does the main thing of a page, `/` goes to its search, Escape closes what is open.
 * - At 390 px one column, controls of 44 px; at 1280 px what belongs together is seen together.
 * - `/api/v1/…` pictures are shown with `<Picture>`, which asks for the width that is needed.
 */
export { type AbSide, AbSlider } from './ab-slider.tsx';
export { Button, type ButtonProps, IconButton, LinkButton } from './button.tsx';
export { Chip } from './chip.tsx';
export { type Choice, Segments, Select, Switch } from './choice.tsx';
export { ConfirmDialog, Dialog } from './dialog.tsx';
export { guardDrops, pictureDrag, useDrop } from './drop.ts';
export { DropZone } from './drop-zone.tsx';
export { filesOfInput, type GivenFile } from './dropped-files.ts';
export { Field, type FieldIds, type FieldProps } from './field.tsx';
export { Icon, type IconName } from './icon.tsx';
export { KeyHint } from './key-hint.tsx';
export { isMod, takesStart } from './keys.ts';
export { type Loaded, useLoaded } from './loaded.ts';
export { Menu, type MenuItem } from './menu.tsx';
export { EmptyState, ErrorNote, Finding, Spinner } from './notes.tsx';
export { NumberField, Slider } from './number-field.tsx';
export { Picture, type PictureWidth } from './picture.tsx';
export { Plot, type PlotSeries, type PlotTone } from './plot.tsx';
export { Popover } from './popover.tsx';
export { Progress } from './progress.tsx';
export { Section } from './section.tsx';
export { Stepper } from './stepper.tsx';
export { type Tab, Tabs } from './tabs.tsx';
export { TextArea, TextField } from './text-field.tsx';
export { Toasts, toast, toastError } from './toast.tsx';
export { VirtualGrid, type VirtualGridProps } from './virtual-grid.tsx';
export { ago, bytes, count, duration, timeLeft } from './words.ts';

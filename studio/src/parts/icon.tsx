/** @file The icons: drawn for this page on a 24 px grid, strokes of 1.75, in the colour of the text. */

const paths = {
  data: 'M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15 9h.01',
  train: 'M4 19V5M4 19h16M7.5 8c1.5 5 4 7.5 12 8',
  generate: 'M12 3.5l1.9 5.6 5.6 1.9-5.6 1.9L12 18.5l-1.9-5.6L4.5 11l5.6-1.9zM18.5 16.5v4M16.5 18.5h4',
  library: 'M4.5 5h6v6h-6zM13.5 5h6v6h-6zM4.5 14h6v6h-6zM13.5 14h6v6h-6z',
  compare: 'M12 3.5v17M4 6.5h8v11H4zM12 6.5h6a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-6',
  queue: 'M4 6h16M4 12h16M4 18h9',
  settings:
    'M5 7h8M17 7h2M5 17h2M11 17h8M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  add: 'M12 5v14M5 12h14',
  remove: 'M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20',
  play: 'M8 5.5v13l10.5-6.5z',
  pause: 'M8.5 5.5v13M15.5 5.5v13',
  stop: 'M6.5 6.5h11v11h-11z',
  retry: 'M19 5v5h-5M18.5 10A7 7 0 1 0 19 14',
  undo: 'M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-4',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5',
  download: 'M12 4v11M7.5 10.5L12 15l4.5-4.5M5 20h14',
  upload: 'M12 16V5M7.5 9.5L12 5l4.5 4.5M5 20h14',
  heart: 'M12 20S4 15.2 4 9.6A4.3 4.3 0 0 1 12 7.3a4.3 4.3 0 0 1 8 2.3C20 15.2 12 20 12 20z',
  dice: 'M6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5v-11A2.5 2.5 0 0 1 6.5 4zM8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01',
  lock: 'M6.5 11h11v9h-11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  unlock: 'M6.5 11h11v9h-11zM8.5 11V8a3.5 3.5 0 0 1 6.8-1.2',
  swap: 'M7 4v14M3.5 7.5L7 4l3.5 3.5M17 20V6M13.5 16.5L17 20l3.5-3.5',
  brush:
    'M19.5 4.5c-4 2-8 5.5-10 9l2 2c3.500-2 7-6 9-10zM9 14c-2 0-3.500 1.500-3.500 3.500 0 1-.7 2-2 2.500 3.500 1 7.500.5 7.500-3.500',
  eraser:
    'M8.5 19.500l-4-4a1.500 1.500 0 0 1 0-2L13 5a1.500 1.500 0 0 1 2 0l4.500 4.500a1.500 1.500 0 0 1 0 2l-8 8zM9 9l6.500 6.500M8.500 19.500H20',
  picture:
    'M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.500 2.500 0 0 1 20 6.500v11a2.500 2.500 0 0 1-2.500 2.500h-11A2.500 2.500 0 0 1 4 17.500zM4 16l4.500-4.500 8 8',
  folder: 'M4 7a2 2 0 0 1 2-2h4l2 2.500h6a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z',
  info: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5M12 8h.01',
  warning: 'M12 4l9 16H3zM12 10v4.500M12 17h.01',
  down: 'M6 9l6 6 6-6',
  up: 'M6 15l6-6 6 6',
  left: 'M15 6l-6 6 6 6',
  right: 'M9 6l6 6-6 6',
  first: 'M12 20V7M6.500 12.500L12 7l5.500 5.500M5 4h14',
  grip: 'M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01',
  sun: 'M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z',
  auto: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 3.500v17M12 7h4.500M12 12h8M12 17h4.500',
  copy: 'M8.500 8.500h11v11h-11zM15.500 8.500v-4h-11v11h4',
  open: 'M13 5h6v6M19 5l-9 9M10 5H6.500A1.500 1.500 0 0 0 5 6.500v11A1.500 1.500 0 0 0 6.500 19h11a1.500 1.500 0 0 0 1.500-1.500V14',
  edit: 'M4.500 19.500l1-4.500L16 4.500l3.500 3.500L9 18.500z',
  tag: 'M4 11V5.500A1.500 1.500 0 0 1 5.500 4H11l9 9-7 7zM8.500 8.500h.01',
  wand: 'M5 19L15.500 8.500M13.500 6.500l4 4M18 3v3M16.500 4.500h3M6 5v3M4.500 6.500h3',
  offline:
    'M4 4l16 16M8.500 12.500a5 5 0 0 1 6-1M5.500 9.500a9 9 0 0 1 3-2M12 6.500a9.500 9.500 0 0 1 6.500 3M12 18h.01',
} as const;

export type IconName = keyof typeof paths;

/** Seen only: whatever it says is said by the label beside it. `isFull` fills it (favourites). */
export function Icon({ name, size = 20, isFull }: { name: IconName; size?: number; isFull?: boolean }) {
  const dots = name === 'more' || name === 'grip' || name === 'dice';
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill={isFull ? 'currentColor' : 'none'}
      stroke="currentColor"
      stroke-width={dots ? 2.5 : 1.75}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}

/** @file Light, dark or as the machine: one button that goes round. */
import { Icon, type IconName } from '../parts/index.ts';
import { type Theme, theme } from './theme.ts';

const looks: Readonly<
  Record<Theme, { readonly icon: IconName; readonly label: string; readonly next: Theme }>
> = {
  auto: { icon: 'auto', label: 'System theme', next: 'light' },
  light: { icon: 'sun', label: 'Light theme', next: 'dark' },
  dark: { icon: 'moon', label: 'Dark theme', next: 'auto' },
};

export function ThemeSwitch() {
  const { icon, label, next } = looks[theme.value];
  return (
    <button
      type="button"
      class="nav-link"
      title={`Change to ${looks[next].label.toLowerCase()}`}
      onClick={() => {
        theme.value = next;
      }}
    >
      <Icon name={icon} />
      <span>{label}</span>
    </button>
  );
}

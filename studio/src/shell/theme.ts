/** @file Light, dark, or as the machine has it. */
import { effect, signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const key = 'lora-studio:theme';

function kept(): Theme {
  const value = localStorage.getItem(key);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export const theme = signal<Theme>(kept());

/** What is shown now. */
export function isDark(): boolean {
  if (theme.value !== 'auto') return theme.value === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

export function startTheme(): void {
  effect(() => {
    const { dataset } = document.documentElement;
    if (theme.value === 'auto') {
      delete dataset.theme;
      localStorage.removeItem(key);
    } else {
      dataset.theme = theme.value;
      localStorage.setItem(key, theme.value);
    }
  });
}

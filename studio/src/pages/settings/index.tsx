/** @file Settings: how the studio works, where LoRAs lie, what machine this is and whether all is well. */
import type { ComponentType } from 'preact';
import type { PageProps } from '../../pages.ts';
import { Tabs } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { About } from './about.tsx';
import { Folders } from './folders.tsx';
import { Machine } from './machine.tsx';
import { Preferences } from './preferences.tsx';
import './settings.css';

const tabs = [
  { id: 'preferences', label: 'Preferences' },
  { id: 'folders', label: 'Library folders' },
  { id: 'machine', label: 'This machine' },
  { id: 'about', label: 'About' },
] as const;
type TabId = (typeof tabs)[number]['id'];

const panels: Readonly<Record<TabId, ComponentType>> = {
  ...{ preferences: Preferences, folders: Folders, machine: Machine, about: About },
};

export function Page({ rest }: PageProps) {
  const selected = tabs.find(({ id }) => id === rest[0])?.id ?? 'preferences';
  const Panel = panels[selected];
  return (
    <div class="page narrow">
      <PageHead title="Settings" />
      <Tabs
        label="Settings"
        tabs={tabs}
        selected={selected}
        onSelect={id => {
          location.hash = `/settings/${id}`;
        }}
      >
        <Panel />
      </Tabs>
    </div>
  );
}

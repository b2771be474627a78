/** @file Preferences: each is saved when it is changed. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiSettings } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { settings } from '../../api/state.ts';
import {
  ErrorNote,
  NumberField,
  Segments,
  Select,
  Slider,
  Spinner,
  Switch,
  TextField,
  useLoaded,
} from '../../parts/index.ts';
import { theme } from '../../shell/theme.ts';

export function Preferences() {
  const now = settings.value;
  const [error, setError] = useState<unknown>();
  const bases = useLoaded(signal => api.cards({ use: 'checkpoint', sort: 'name', limit: 1000 }, signal), []);
  const set = async (edit: Partial<ApiSettings>): Promise<void> => {
    setError(undefined);
    try {
      settings.value = await api.changeSettings(edit);
    } catch (fault) {
      setError(fault);
    }
  };
  const later = useLater((edit: Partial<ApiSettings>) => void set(edit));
  if (!now) return <Spinner />;
  return (
    <div class="stack loose">
      {error !== undefined && <ErrorNote error={error} />}
      <Group title="Look">
        <Segments
          label="Theme"
          value={theme.value}
          onChange={value => {
            theme.value = value;
          }}
          options={[
            { value: 'auto', label: 'As the system', icon: 'auto' },
            { value: 'light', label: 'Light', icon: 'sun' },
            { value: 'dark', label: 'Dark', icon: 'moon' },
          ]}
        />
      </Group>
      <Group title="Pictures">
        <Select
          label="Base to begin with"
          value={now.base}
          onChange={base => void set({ base })}
          options={(bases.value?.cards ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
        <Segments
          label="File"
          value={now.format}
          onChange={format => void set({ format })}
          options={[
            { value: 'png', label: 'PNG' },
            { value: 'jpeg', label: 'JPEG' },
            { value: 'webp', label: 'WebP' },
          ]}
        />
        <Slider
          label="Steps between live previews"
          hint="0 shows none; few steps between them cost a little time."
          value={now.previewEvery}
          min={0}
          max={20}
          step={1}
          limit={{ min: 0, max: 100 }}
          onChange={previewEvery => later({ previewEvery: Math.round(previewEvery) })}
        />
        <Switch
          label="Say in pictures that they are generated"
          hint="IPTC’s digital source type, as many sites ask for."
          isOn={now.mark}
          onChange={mark => void set({ mark })}
        />
      </Group>
      <Group title="What is kept">
        <div class="columns">
          <NumberField
            label="Pictures"
            hint="0 keeps them for ever. Favourites always stay."
            unit="days"
            value={now.pictureDays}
            min={0}
            max={36500}
            onChange={pictureDays => later({ pictureDays: Math.round(pictureDays) })}
          />
          <NumberField
            label="Ended jobs"
            unit="days"
            value={now.jobDays}
            min={1}
            max={3650}
            onChange={jobDays => later({ jobDays: Math.round(jobDays) })}
          />
          <NumberField
            label="Logs"
            unit="MB"
            value={now.logMegabytes}
            min={1}
            max={10000}
            onChange={logMegabytes => later({ logMegabytes: Math.round(logMegabytes) })}
          />
          <NumberField
            label="Room that stays free on the disk"
            hint="With less, no job begins."
            unit="MB"
            value={now.reserveMegabytes}
            min={100}
            max={1000000}
            step={100}
            onChange={reserveMegabytes => later({ reserveMegabytes: Math.round(reserveMegabytes) })}
          />
        </div>
      </Group>
      <Group title="Computing">
        <Device value={now.device} onCommit={device => void set({ device })} />
      </Group>
    </div>
  );
}

function Device({ value, onCommit }: { readonly value: string; readonly onCommit: (value: string) => void }) {
  const [text, setText] = useState(value);
  return (
    <TextField
      label="Device"
      hint="auto finds the fastest that works; cpu, cuda, webgpu … ask for one. “This machine” shows what is there."
      value={text}
      onInput={setText}
      onCommit={onCommit}
    />
  );
}

export function Group({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="panel stack" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Passes the last of many changes on, once they have stopped; what is shown changes at once. */
function useLater(save: (edit: Partial<ApiSettings>) => void): (edit: Partial<ApiSettings>) => void {
  const [pending] = useState<{ timer: number | undefined; edit: Partial<ApiSettings> }>({
    timer: undefined,
    edit: {},
  });
  return edit => {
    if (settings.value) settings.value = { ...settings.value, ...edit };
    pending.edit = { ...pending.edit, ...edit };
    window.clearTimeout(pending.timer);
    pending.timer = window.setTimeout(() => {
      save(pending.edit);
      pending.edit = {};
    }, 500);
  };
}

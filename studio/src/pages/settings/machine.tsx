/** @file This machine: memory, disk, and what `lora doctor` finds. */
import { useEffect } from 'preact/hooks';
import { api } from '../../api/routes.ts';
import { status } from '../../api/state.ts';
import {
  Button,
  bytes,
  duration,
  ErrorNote,
  Finding,
  Icon,
  type IconName,
  Spinner,
  toastError,
  useLoaded,
} from '../../parts/index.ts';
import { Group } from './preferences.tsx';

export function Machine() {
  const now = status.value;
  useEffect(() => {
    const read = (): void =>
      void api.status().then(fresh => {
        status.value = fresh;
      }, toastError);
    read();
    const timer = window.setInterval(read, 5000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <div class="stack loose">
      {now && (
        <Group title="Now">
          <div class="columns meters">
            <Meter label="Memory" used={now.memory.total - now.memory.available} total={now.memory.total} />
            <Meter
              label="Disk"
              used={now.disk.total - now.disk.free}
              total={now.disk.total}
              isLow={now.disk.isLow}
            />
          </div>
          <dl class="facts">
            <Fact name="Device" value={now.device} />
            <Fact name="Processor cores" value={String(now.cores)} />
            <Fact name="Runs for" value={duration((Date.now() - now.startedAt) / 1000)} />
          </dl>
          {now.findings.map(({ level, code, text }) => (
            <Finding key={code + text} level={level}>
              {text} <code class="soft">{code}</code>
            </Finding>
          ))}
        </Group>
      )}
      <Doctor />
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="numbers">{value}</dd>
    </div>
  );
}

function Meter({
  label,
  used,
  total,
  isLow,
}: {
  readonly label: string;
  readonly used: number;
  readonly total: number;
  readonly isLow?: boolean;
}) {
  const share = total > 0 ? used / total : 0;
  return (
    <div class="meter">
      <div class="row spread">
        <span>{label}</span>
        <span class="soft small numbers">
          {bytes(total - used)} free of {bytes(total)}
        </span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: meter elements cannot be drawn alike in all browsers */}
      <div
        class={`progress-track ${isLow || share > 0.95 ? 'low' : ''}`}
        role="meter"
        aria-label={`${label} in use`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <div class="progress-fill" style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}

const icons: Readonly<
  Record<'ok' | 'warning' | 'fault', { readonly icon: IconName; readonly label: string }>
> = {
  ok: { icon: 'check', label: 'Well' },
  warning: { icon: 'warning', label: 'Worth a look' },
  fault: { icon: 'close', label: 'Not well' },
};

function Doctor() {
  const { value, error, isLoading, reload } = useLoaded(signal => api.doctor(signal), []);
  return (
    <section class="panel stack" aria-labelledby="doctor-title">
      <div class="row spread">
        <h2 id="doctor-title">Doctor</h2>
        <Button size="small" icon="retry" isBusy={isLoading} onClick={reload}>
          Look again
        </Button>
      </div>
      {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
      {!value && error === undefined && <Spinner label="Looking" />}
      {value && (
        <ul class="checks">
          {value.checks.map(({ name, state, text }) => (
            <li key={name} class={`check ${state}`}>
              <Icon name={icons[state].icon} size={18} />
              <span class="aside-text">{icons[state].label}: </span>
              <span class="check-name">{name}</span>
              <span class="soft">{text}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

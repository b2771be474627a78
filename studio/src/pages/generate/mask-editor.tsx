/** @file Painting a mask on the picture: by pointer or touch, or by keys. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { pictureAt } from '../../api/routes.ts';
import { IconButton, isMod, Slider } from '../../parts/index.ts';
import type { StartPicture } from './form.ts';
import {
  addStroke,
  clearStrokes,
  paintMask,
  redoStroke,
  type Stroke,
  strokes,
  undone,
  undoStroke,
} from './mask-strokes.ts';

interface Spot {
  readonly x: number;
  readonly y: number;
}

export function MaskEditor({ start }: { readonly start: StartPicture }) {
  const { width, height } = start;
  const largest = Math.max(8, Math.round(Math.max(width, height) / 2));
  const [mode, setMode] = useState<'paint' | 'erase'>('paint');
  const [size, setSize] = useState(Math.max(2, Math.round(largest / 3)));
  const [spot, setSpot] = useState<Spot | undefined>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const current = useRef<{ stroke: Stroke; points: number[] } | undefined>(undefined);
  const list = strokes.value;
  const scale = Math.max(1, Math.ceil(512 / Math.max(width, height)));

  const redraw = (): void => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const now = current.current ? [...list, current.current.stroke] : list;
    paintMask(context, now, scale, '#e5484d');
  };
  useLayoutEffect(redraw, [list, scale, width, height]);

  const spotOf = (event: PointerEvent): Spot => {
    const box = canvas.current!.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * width,
      y: ((event.clientY - box.top) / box.height) * height,
    };
  };
  const begin = ({ x, y }: Spot, kind: 'paint' | 'erase'): void => {
    const points = [x, y];
    current.current = { points, stroke: { mode: kind, size, points } };
    redraw();
  };
  const goOn = ({ x, y }: Spot): void => {
    current.current?.points.push(x, y);
    redraw();
  };
  const end = (): void => {
    const { stroke, points } = current.current ?? {};
    current.current = undefined;
    if (stroke && points) addStroke({ ...stroke, points: [...points] });
  };
  useEffect(() => () => end(), []);

  const press = (event: KeyboardEvent): void => {
    if (handleKey(event, { mode, setMode, size, setSize, largest })) {
      event.preventDefault();
      return;
    }
    const now = spot ?? { x: width / 2, y: height / 2 };
    const step = Math.max(1, size / (event.shiftKey ? 1 : 4));
    const moves: Partial<Record<string, readonly [number, number]>> = {
      ...{ ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] },
    };
    const move = moves[event.key];
    if (move) {
      const next = {
        x: Math.max(0, Math.min(width, now.x + move[0])),
        y: Math.max(0, Math.min(height, now.y + move[1])),
      };
      setSpot(next);
      if (current.current) goOn(next);
    } else if (event.key === ' ') {
      // Space puts the brush down, and up again.
      if (current.current) end();
      else {
        setSpot(now);
        begin(now, mode);
      }
    } else return;
    event.preventDefault();
  };

  return (
    <div class="mask-editor">
      <div class="mask-stage" style={{ aspectRatio: `${width} / ${height}` }}>
        <img
          class={`picture contain ${width <= 128 ? 'small' : ''}`}
          src={pictureAt(start.url, '1280')}
          alt=""
          draggable={false}
        />
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a place to paint, with keys of its own */}
        <canvas
          ref={canvas}
          width={width * scale}
          height={height * scale}
          tabIndex={0}
          role="application"
          aria-label="Mask. Arrows move the brush, Space puts it down and up, E erases, brackets change its size, Ctrl+Z takes back."
          onPointerDown={event => {
            event.currentTarget.setPointerCapture(event.pointerId);
            setSpot(undefined);
            begin(spotOf(event), event.button === 2 || event.buttons === 32 ? 'erase' : mode);
          }}
          onPointerMove={event => {
            if (current.current) for (const one of event.getCoalescedEvents?.() ?? [event]) goOn(spotOf(one));
          }}
          onPointerUp={end}
          onPointerCancel={end}
          onContextMenu={event => event.preventDefault()}
          onKeyDown={press}
          onBlur={() => {
            end();
            setSpot(undefined);
          }}
        />
        {spot && (
          <span
            class="mask-brush"
            style={{
              left: `${(spot.x / width) * 100}%`,
              top: `${(spot.y / height) * 100}%`,
              width: `${(size / width) * 100}%`,
            }}
          />
        )}
      </div>
      <div class="row mask-tools" role="toolbar" aria-label="Mask">
        <IconButton
          icon="brush"
          label="Brush"
          aria-pressed={mode === 'paint'}
          onClick={() => setMode('paint')}
        />
        <IconButton
          icon="eraser"
          label="Eraser"
          aria-pressed={mode === 'erase'}
          onClick={() => setMode('erase')}
        />
        <IconButton icon="undo" label="Take back" disabled={list.length === 0} onClick={undoStroke} />
        <IconButton
          icon="retry"
          label="Once more"
          disabled={undone.value.length === 0}
          onClick={redoStroke}
        />
        <IconButton icon="trash" label="Clear the mask" disabled={list.length === 0} onClick={clearStrokes} />
      </div>
      <Slider
        label="Brush"
        unit="px"
        value={size}
        min={1}
        max={largest}
        step={1}
        onChange={value => setSize(Math.round(value))}
      />
      {list.length === 0 && (
        <p class="field-hint">Nothing is painted yet: the whole picture is drawn anew.</p>
      )}
    </div>
  );
}

interface Brush {
  readonly mode: 'paint' | 'erase';
  readonly setMode: (mode: 'paint' | 'erase') => void;
  readonly size: number;
  readonly setSize: (size: number) => void;
  readonly largest: number;
}

function handleKey(event: KeyboardEvent, { mode, setMode, size, setSize, largest }: Brush): boolean {
  if (isMod(event, 'z')) event.shiftKey ? redoStroke() : undoStroke();
  else if (event.key === 'e') setMode(mode === 'paint' ? 'erase' : 'paint');
  else if (event.key === 'b') setMode('paint');
  else if (event.key === '[') setSize(Math.max(1, Math.round(size / 1.25)));
  else if (event.key === ']') setSize(Math.min(largest, Math.ceil(size * 1.25)));
  else return false;
  return true;
}

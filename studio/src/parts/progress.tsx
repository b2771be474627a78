/** @file How far something is. The bar is exact for eyes and asked-for values; what is read aloud comes every few seconds. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { timeLeft } from './words.ts';

export function Progress({
  label,
  share,
  text,
  secondsLeft,
  isQuiet,
  isSlim,
}: {
  /** What is under way. */
  readonly label: string;
  /** From 0 to 1; undefined where nobody knows. */
  readonly share: number | undefined;
  readonly text?: string | undefined;
  readonly secondsLeft?: number | undefined;
  /** Never read by itself: for lists of many. */
  readonly isQuiet?: boolean | undefined;
  readonly isSlim?: boolean | undefined;
}) {
  const percent = share === undefined ? undefined : Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div class={`progress ${isSlim ? 'slim' : ''}`}>
      <div
        class={`progress-track ${percent === undefined ? 'unknown' : ''}`}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
        {...(text ? { 'aria-valuetext': text } : {})}
      >
        <div class="progress-fill" style={{ width: percent === undefined ? '30%' : `${percent}%` }} />
      </div>
      {(text || secondsLeft !== undefined) && (
        <div class="progress-text numbers">
          <span class="progress-words">{text}</span>
          {secondsLeft !== undefined && <span>{timeLeft(secondsLeft)}</span>}
        </div>
      )}
      {!isQuiet && <Spoken text={percent === undefined ? '' : `${label}: ${percent} %`} />}
    </div>
  );
}

/** Passes a changing text on to screen readers every ten seconds at most. */
function Spoken({ text }: { readonly text: string }) {
  const [said, setSaid] = useState('');
  const newest = useRef(text);
  newest.current = text;
  useEffect(() => {
    const timer = window.setInterval(() => setSaid(newest.current), 10_000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <span class="aside-text" role="status">
      {said}
    </span>
  );
}

/** @file Up to four pictures as one, to show a data set by. */
import { Icon, Picture } from '../../parts/index.ts';
import './covers.css';

/** Four pictures as one. */
export function Covers({ covers }: { readonly covers: readonly string[] }) {
  if (covers.length === 0)
    return (
      <span class="covers none">
        <Icon name="picture" size={28} />
      </span>
    );
  return (
    <span class={`covers of-${Math.min(4, covers.length)}`}>
      {covers.slice(0, 4).map(url => (
        <Picture key={url} url={url} alt="" width={64} height={64} size="320" />
      ))}
    </span>
  );
}

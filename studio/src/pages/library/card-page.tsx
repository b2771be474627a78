/** @file The page of a card: what it looks like and what can be done at one side, what is known of it at the other. */
import { useEffect } from 'preact/hooks';
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { ApiError } from '../../api/client.ts';
import { api } from '../../api/routes.ts';
import { libraryChange } from '../../api/state.ts';
import {
  EmptyState,
  ErrorNote,
  Finding,
  IconButton,
  LinkButton,
  Spinner,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { CardActions } from './card-actions.tsx';
import { CardFacts } from './card-facts.tsx';
import { CardFields } from './card-fields.tsx';
import { neighbours, showCard, card as shown } from './card-state.ts';
import { CardTags } from './card-tags.tsx';
import { CardVersions } from './card-versions.tsx';
import { TriggerEditor } from './trigger-editor.tsx';

export function CardPage({ id }: { readonly id: string }) {
  const { value, error, reload } = useLoaded(signal => api.card(id, signal), [id, libraryChange.value]);
  useEffect(() => {
    if (value) showCard(value);
  }, [value]);
  useEffect(() => {
    window.scrollTo(0, 0);
    const press = (event: KeyboardEvent): void => pressKey(event, id);
    document.addEventListener('keydown', press);
    return () => {
      document.removeEventListener('keydown', press);
      shown.value = undefined;
    };
  }, [id]);
  if (error instanceof ApiError && error.status === 404) return <NoCard />;
  const card = shown.value?.id === id ? shown.value : value;
  return (
    <article class="card-page">
      <Way id={id} />
      {error !== undefined && !card && <ErrorNote error={error} onRetry={reload} />}
      {!card && error === undefined && (
        <>
          <PageHead title="Library" />
          <Spinner label="Reading the card" />
        </>
      )}
      {card && <Card card={card} />}
    </article>
  );
}

function Way({ id }: { readonly id: string }) {
  const { before, after } = neighbours(id);
  return (
    <nav class="row spread card-way" aria-label="Cards">
      <LinkButton href="#/library" kind="quiet" icon="left">
        Library
      </LinkButton>
      <div class="row">
        <IconButton
          icon="left"
          label={before ? `Before: ${before.name}` : 'No card before'}
          disabled={!before}
          onClick={() => before && go(`/library/${before.id}`)}
        />
        <IconButton
          icon="right"
          label={after ? `Next: ${after.name}` : 'No card after'}
          disabled={!after}
          onClick={() => after && go(`/library/${after.id}`)}
        />
      </div>
    </nav>
  );
}

/** Escape goes back, arrows to the next card, unless something is written or open. */
function pressKey(event: KeyboardEvent, id: string): void {
  const { target, key } = event;
  if (
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, dialog, [popover], [role="menu"]')
  )
    return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (key === 'Escape') go('/library');
  const { before, after } = neighbours(id);
  const to = { ArrowLeft: before, ArrowRight: after }[key];
  if (to) go(`/library/${to.id}`);
}

function NoCard() {
  return (
    <>
      <PageHead title="Library" />
      <EmptyState
        icon="library"
        title="There is no such card"
        text="It was removed, or its folder is no longer part of the library."
      >
        <LinkButton href="#/library">Show the library</LinkButton>
      </EmptyState>
    </>
  );
}

function Card({ card }: { readonly card: ApiWholeCard }) {
  const isLora = card.use === 'lora';
  return (
    <div class="card-columns">
      <div class="card-side">
        <CardActions card={card} />
      </div>
      <div class="card-main">
        <PageHead title={card.name} text={<Badges card={card} />} />
        <Findings card={card} />
        {isLora && <TriggerEditor card={card} />}
        <CardFields card={card} />
        {card.versions.length > 1 && <CardVersions card={card} />}
        {card.tagFrequency.length > 0 && <CardTags card={card} />}
        <CardFacts card={card} />
      </div>
    </div>
  );
}

const useNames = { lora: '', checkpoint: 'Checkpoint', embedding: 'Embedding', vae: 'VAE' } as const;

function Badges({ card: { family, kind, rank, use } }: { readonly card: ApiWholeCard }) {
  const words = [useNames[use], kind, rank ? `rank ${rank}` : ''].filter(Boolean);
  return (
    <span class="row wrap">
      <span class="family">{family || 'Unknown family'}</span>
      {words.length > 0 && <span class="numbers">{words.join(' · ')}</span>}
    </span>
  );
}

function Findings({ card }: { readonly card: ApiWholeCard }) {
  const { state, fault, claimedFamily, family, findings } = card;
  return (
    <div class="stack tight">
      {state === 'missing' && (
        <Finding level="warning">
          Its file is not there now: the drive or folder is away, or it was moved out of the library or
          deleted. What you wrote stays, and it is back by itself when the file is.
        </Finding>
      )}
      {state === 'broken' && (
        <Finding level="warning">
          The file cannot be read{fault ? `: ${fault.message}` : ''}.{' '}
          <code class="error-code">{fault?.code}</code>
        </Finding>
      )}
      {claimedFamily && claimedFamily !== family && (
        <Finding level="warning">
          Its metadata says {claimedFamily}; its tensors are those of {family}. The studio goes by the
          tensors.
        </Finding>
      )}
      {findings
        .filter(({ code }) => !/FAMILY/.test(code) || !claimedFamily)
        .map(finding => (
          <Finding key={finding.code + finding.text} level={finding.level}>
            {finding.text}
          </Finding>
        ))}
    </div>
  );
}

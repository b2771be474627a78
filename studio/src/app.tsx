/** @file The studio: signed in, the shell; otherwise the question for the token. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, signedIn } from './api/client.ts';
import { disconnect } from './api/events.ts';
import { openState, session } from './api/state.ts';
import { ErrorNote, Spinner } from './parts/index.ts';
import { route } from './shell/router.ts';
import { Shell } from './shell/shell.tsx';
import { SignIn } from './shell/sign-in.tsx';

export function App() {
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    setError(undefined);
    openState()
      .then(() => {
        // Somebody new has pictures before prompts.
        if (session.value?.isNew && route.value.page === '') location.replace('#/data');
      })
      .catch((fault: unknown) => {
        if (fault instanceof ApiError && fault.status === 401) disconnect();
        else setError(fault);
      });
  }, [turn]);
  if (signedIn.value === 'out') return <SignIn onDone={() => setTurn(turn + 1)} />;
  if (session.value) return <Shell />;
  return (
    <main class="sign-in">
      {error === undefined ? (
        <Spinner label="Opening the studio" />
      ) : (
        <div>
          <ErrorNote error={error} onRetry={() => setTurn(turn + 1)} />
        </div>
      )}
    </main>
  );
}

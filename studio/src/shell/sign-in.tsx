/** @file Asks for the token that `lora studio` printed. */
import { useEffect, useState } from 'preact/hooks';
import { signedIn } from '../api/client.ts';
import { api } from '../api/routes.ts';
import { Button, ErrorNote, TextField } from '../parts/index.ts';
import { Mark } from './navigation.tsx';

export function SignIn({ onDone }: { readonly onDone: () => void }) {
  const [token, setToken] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · LoRA Studio';
  }, []);
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await api.signIn(tokenIn(token));
      signedIn.value = 'in';
      onDone();
    } catch (fault) {
      setError(fault);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <div class="panel stack">
        <div class="row">
          <span class="sign-in-mark">
            <Mark />
          </span>
          <h1>LoRA Studio</h1>
        </div>
        <p class="soft">
          Open the address that <code>lora studio</code> printed in its terminal, or paste it here.
        </p>
        <form class="stack" onSubmit={event => void enter(event)}>
          <TextField label="Token or address" type="password" value={token} onInput={setToken} autoFocus />
          {error !== undefined && <ErrorNote error={error} />}
          <Button kind="primary" type="submit" isBusy={isBusy} disabled={token.trim() === ''}>
            Sign in
          </Button>
        </form>
      </div>
    </main>
  );
}

/** Of an address, what stands after `#token=`. */
export function tokenIn(text: string): string {
  const match = /[#?&]token=([^&\s]+)/.exec(text);
  return decodeURIComponent(match?.[1] ?? text.trim());
}

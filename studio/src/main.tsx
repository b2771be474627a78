/** @file The beginning: theme, the token of the opened address, the page. */
import { render } from 'preact';
import { api } from './api/routes.ts';
import { App } from './app.tsx';
import { guardDrops } from './parts/index.ts';
import { route } from './shell/router.ts';
import { tokenIn } from './shell/sign-in.tsx';
import { startTheme } from './shell/theme.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';

/** `lora studio` opens `…/#token=…`: it becomes a cookie and leaves the address, the history and the screen at once. */
async function signInFromAddress(): Promise<void> {
  if (!location.hash.includes('token=')) return;
  const token = tokenIn(location.hash);
  history.replaceState(null, '', location.pathname + location.search);
  route.value = { page: '', rest: [], query: new URLSearchParams() };
  await api.signIn(token).catch(() => undefined);
}

startTheme();
guardDrops();
const place = document.getElementById('app');
await signInFromAddress();
if (place) render(<App />, place);

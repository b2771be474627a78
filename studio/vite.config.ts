/** @file How the page is built: hashed names, nothing inline, so that a strict Content-Security-Policy holds. */
import { preact } from '@preact/preset-vite';
import { defineConfig } from 'vite';

const server = `http://127.0.0.1:${process.env.LORA_STUDIO_PORT ?? 7860}`;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox128', 'safari17.5'],
    modulePreload: { polyfill: false },
    // A font or picture inside CSS would need `data:` in places where the policy has none.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: { port: 5178, proxy: { '/api': { target: server, changeOrigin: true } } },
});

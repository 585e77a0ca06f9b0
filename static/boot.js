// Starts the app. Trunk writes the names of its two files onto the script element (Trunk.toml, pattern_script);
// a file of its own instead of an inline script, because the page's policy allows none.
const { js, wasm } = document.getElementById('boot').dataset;
await isolate();
const { default: init } = await import(js);
await init({ module_or_path: wasm });

/**
 * Where the host sends no headers that isolate the page, the service worker adds them, from the next load on: this loads
 * the page once more, and never twice in a row. Where that does not help, the page goes on with one thread.
 */
async function isolate() {
  const guard = 'tinylens-reloaded';
  const patience = 20_000;
  try {
    if (crossOriginIsolated) return void sessionStorage.removeItem(guard);
    if (!navigator.serviceWorker || sessionStorage.getItem(guard)) return;
    const registration = await navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' });
    const late = new Promise((_, reject) => { setTimeout(reject, patience, new Error('the service worker takes long')); });
    const failed = new Promise((_, reject) => {
      const worker = registration.installing;
      worker?.addEventListener('statechange', () => worker.state === 'redundant' && reject(new Error('it is not installed')));
    });
    await Promise.race([navigator.serviceWorker.ready, failed, late]);
    sessionStorage.setItem(guard, '1');
  } catch (error) {
    console.warn('The page stays as the host serves it, not isolated.', error);
    return;
  }
  location.reload();
  await new Promise(() => {});
}

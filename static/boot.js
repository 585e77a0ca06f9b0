// Starts the app. Trunk writes the names of its two files onto the script element (Trunk.toml, pattern_script);
// a file of its own instead of an inline script, because the page's policy allows none.
const { js, wasm } = document.getElementById('boot').dataset;
const { default: init } = await import(js);
await init({ module_or_path: wasm });

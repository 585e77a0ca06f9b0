// A thread that helps the worker: an instance of the worker's module on the worker's memory (static/worker.js).

addEventListener('message', async ({ data: { flavour, init } }) => {
  let engine;
  try {
    engine = await import(`./worker/${flavour}/worker.js`);
    await engine.default(init);
  } catch (error) {
    // An error of an async listener never reaches the worker by itself.
    postMessage({ failed: String(error) });
    return;
  }
  try {
    engine.help();
  } catch (error) {
    // The worker may be waiting for what this one was about to do.
    engine.report_lost_helper();
    throw error;
  }
}, { once: true });

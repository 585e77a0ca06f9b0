// Tinylens: the app's own worker out of dist/, spoken to as src/bridge.rs says. It times its runs itself, without
// the messages in between.

const PATIENCE_MILLIS = 60_000;

export async function load({ modelUrl, threads, flavour }) {
  const worker = new Worker(`/app/worker.js?flavour=${flavour}&threads=${threads}`, { type: 'module' });
  const answers = listen(worker);
  const { runtime } = await answers('Ready');
  // A fallback would be measured under a wrong name.
  const used = runtime.relaxed_simd_used ? 'relaxed' : 'simd128';
  if (used !== flavour || runtime.threads !== threads) {
    throw new Error(`the worker took ${used} with ${runtime.threads} threads`);
  }
  const response = await fetch(modelUrl);
  if (!response.ok) throw new Error(`${modelUrl} is not there (${response.status})`);

  let id = 0;
  const request = (name, fields, bytes, answer) => {
    id += 1;
    const answered = answers(answer, id);
    worker.postMessage({ message: { [name]: { id, ...fields } }, bytes }, [bytes]);
    return answered;
  };
  const prepare = async (frame) => {
    id += 1;
    const answered = answers('FrameResult', id);
    worker.postMessage({ message: { Frame: { id, calibrates: false, mirrored: false } }, frame }, [frame]);
    const { prepare_millis: millis, pixels } = await answered;
    // A frame that was drawn would be measured under a wrong name.
    if (pixels !== 'I420') throw new Error(`the worker read the frame as ${pixels}`);
    return millis;
  };
  const source = { File: { name: modelUrl.split('/').pop() } };
  await request('LoadModel', { source }, await response.arrayBuffer(), 'ModelLoaded');
  return {
    layout: 'nhwc',
    version: 'this tree',
    flavour,
    async measure(picture, runs) {
      const measured = await request('Measure', { runs }, picture.slice().buffer, 'Measured');
      return {
        millis: [...measured.millis],
        output: Float32Array.from(measured.output),
        layers: measured.layers.map(({ node, kernel, macs, millis, ceiling_millis }) => (
          { node, kernel, macs: Number(macs), millis, ceiling_millis }
        )),
        memory: { weights: Number(measured.memory.weights), arena: Number(measured.memory.arena) },
        peakBytes: Number(measured.peak_bytes),
      };
    },
    /** Milliseconds from each of `n` frames to the network's input. */
    async camera(n) {
      const millis = [];
      for (let frame = 0; frame < n; frame += 1) millis.push(await prepare(cameraFrame(frame)));
      return millis;
    },
  };
}

/** A picture as most cameras give it: 640x480, I420. */
function cameraFrame(number) {
  const [codedWidth, codedHeight] = [640, 480];
  const bytes = Uint8Array.from({ length: codedWidth * codedHeight * 1.5 }, (_, idx) => (idx * 40_503 + number) >> 7);
  return new VideoFrame(bytes, { format: 'I420', codedWidth, codedHeight, timestamp: number * 33_000 });
}

/** Waits for the answer of this name (to the request of this id); a failure or an error of the worker ends the wait. */
function listen(worker) {
  return (name, id) => new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      worker.removeEventListener('message', onMessage);
      worker.removeEventListener('error', onError);
      settle(value);
    };
    const late = () => end(reject, new Error(`no ${name} within ${PATIENCE_MILLIS / 1000} s`));
    const timer = setTimeout(late, PATIENCE_MILLIS);
    const onMessage = ({ data }) => {
      if (data[name] && (id === undefined || data[name].id === id)) end(resolve, data[name]);
      if (data.Failed && data.Failed.id === id) end(reject, new Error(JSON.stringify(data.Failed.failure)));
    };
    const onError = (event) => end(reject, new Error(event.message || 'the worker could not be started'));
    worker.addEventListener('message', onMessage);
    worker.addEventListener('error', onError);
  });
}

// Runs the WebAssembly predictor beside the page, so that the page stays alive. Messages in: {pixels} (RGBA, 224 x 224); out: {ready},
// {classes: [[name, probability], ...], milliseconds} or {error}.
'use strict';
importScripts('predictor.js');

const size = 224;

function fail(module) {
  throw new Error(module.ccall('classifier_error', 'string'));
}

async function fetched(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer;
}

async function open() {
  const [module, model, names] = await Promise.all([
    createPredictor(),
    fetched('efficientnet-lite0.mixnet').then((answer) => answer.arrayBuffer()),
    fetched('names.json').then((answer) => answer.json()),
  ]);
  const place = module._malloc(model.byteLength);
  module.HEAPU8.set(new Uint8Array(model), place);
  if (module.ccall('classifier_open', 'number', ['number', 'number', 'string', 'number'], [place, model.byteLength, 'data', size])) fail(module);
  return { module, names };
}

// (value - 127) / 128, one plane per colour.
function write(module, pixels) {
  const input = module.HEAPF32.subarray(module._classifier_input() / 4), plane = size * size;
  for (let i = 0; i < plane; ++i) {
    for (let colour = 0; colour < 3; ++colour) input[colour * plane + i] = (pixels[4 * i + colour] - 127) / 128;
  }
}

function best({ module, names }, count) {
  const first = module._classifier_output() / 4;
  const values = Array.from(module.HEAPF32.subarray(first, first + module._classifier_classes()));
  return values
    .map((value, i) => [names[i], value])
    .sort((a, b) => b[1] - a[1])
    .slice(0, count);
}

const opened = open();
opened.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ error: String(error.message) }),
);

onmessage = async ({ data }) => {
  try {
    const model = await opened, begin = performance.now();
    write(model.module, data.pixels);
    if (model.module._classifier_run()) fail(model.module);
    postMessage({ classes: best(model, 5), milliseconds: performance.now() - begin });
  } catch (error) {
    postMessage({ error: String(error.message) });
  }
};

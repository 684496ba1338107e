// The page: takes a dropped or chosen photograph, cuts its middle to 224 x 224, and shows what the worker says.
'use strict';
const size = 224, margin = 256; // the shorter side is scaled to 256 before the middle is cut out
const worker = new Worker('worker.js');
const area = document.getElementById('drop'), canvas = document.getElementById('picture');
const status = document.getElementById('status'), list = document.getElementById('classes');

function say(text, state) {
  status.textContent = text;
  status.dataset.state = state;
}

function show(classes) {
  list.replaceChildren(
    ...classes.map(([name, probability]) => {
      const item = document.createElement('li');
      item.textContent = `${name}: ${(100 * probability).toFixed(1)} %`;
      return item;
    }),
  );
}

async function classify(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return say(`${file.name} is not a picture that this browser reads.`, 'error');
  }
  const scale = margin / Math.min(picture.width, picture.height), cut = size / scale;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (picture.width - cut) / 2, (picture.height - cut) / 2, cut, cut, 0, 0, size, size);
  say(`Looking at ${file.name} ...`, 'busy');
  worker.postMessage({ pixels: context.getImageData(0, 0, size, size).data });
}

worker.onmessage = ({ data }) => {
  if (data.error) return say(data.error, 'error');
  if (data.ready) return say('Drop a photograph here, or choose one.', 'ready');
  show(data.classes);
  say(`${Math.round(data.milliseconds)} ms`, 'done');
};
worker.onerror = (error) => say(error.message, 'error');

const stop = (event) => event.preventDefault();
for (const kind of ['dragover', 'dragenter']) area.addEventListener(kind, stop);
area.addEventListener('drop', (event) => {
  stop(event);
  if (event.dataTransfer.files.length) classify(event.dataTransfer.files[0]);
});
document.getElementById('file').addEventListener('change', (event) => event.target.files.length && classify(event.target.files[0]));

/** A small page to try the server by hand. It needs no build: a form, a script and a style, each under its own address. */

export interface PageFile {
  /** Path of its address. */
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

export function pageFiles(): readonly PageFile[] {
  return [
    { name: '/', type: 'text/html; charset=utf-8', text: html },
    { name: '/page.js', type: 'text/javascript; charset=utf-8', text: script },
    { name: '/page.css', type: 'text/css; charset=utf-8', text: style },
  ];
}

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>deit-lt serve</title>
<link rel="stylesheet" href="page.css">
<main>
<h1>Classify images</h1>
<p><label>Model <select id="model"></select></label>
<label>Images <input id="files" type="file" accept="image/*" multiple></label></p>
<p id="status" role="status">Choose images, or drop them on this page.</p>
<div id="results"></div>
<p><a href="openapi.json">openapi.json</a> · <a href="metrics">metrics</a> · <a href="healthz">healthz</a></p>
</main>
<script src="page.js"></script>
</html>
`;

const style = `body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 44rem; padding: 0 1rem; color: #1b1f24; background: #fff }
article { display: flex; gap: 1rem; border-top: 1px solid #d0d7de; padding: 1rem 0 }
img { width: 8rem; height: 8rem; object-fit: contain; background: #f6f8fa }
table { border-collapse: collapse } td { padding: 0 .75rem 0 0 } td + td { text-align: right; font-variant-numeric: tabular-nums }
.error { color: #a40e26 } label { margin-right: 1rem }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } img { background: #161b22 } a { color: #79b8ff } .error { color: #ff7b72 } }
`;

/** Text of answers goes into \`textContent\` alone. */
const script = `const $ = (id) => document.getElementById(id);
const element = (name, text = '') => Object.assign(document.createElement(name), { textContent: text });

fetch('v1/models').then((response) => response.json()).then(({ models }) => {
  for (const { name, classes } of models) {
    const option = element('option', name + ' (' + classes.length + ' classes)');
    option.value = name;
    $('model').append(option);
  }
});

async function classify(files) {
  if (files.length === 0) return;
  $('results').replaceChildren();
  $('status').textContent = 'Classifying …';
  const form = new FormData();
  for (const file of files) form.append('image', file, file.name);
  form.append('model', $('model').value);
  try {
    const response = await fetch('v1/classify', { method: 'POST', body: form });
    const answer = await response.json();
    $('status').textContent = response.ok ? '' : answer.error.message;
    if (response.ok) answer.predictions.forEach((each, i) => $('results').append(shown(each, files[i])));
  } catch {
    $('status').textContent = 'The server does not answer.';
  }
}

function shown({ name, top, unknown, set, error }, file) {
  const article = element('article');
  const image = new Image();
  image.alt = '';
  image.src = URL.createObjectURL(file);
  const text = element('div');
  text.append(element('strong', name || file.name));
  if (error) text.append(Object.assign(element('p', error.message), { className: 'error' }));
  if (unknown) text.append(element('p', 'unknown: the probability is too low'));
  const table = element('table');
  for (const ranked of top || []) {
    const row = element('tr');
    row.append(element('td', ranked.class), element('td', (100 * ranked.probability).toFixed(1) + ' %'));
    table.append(row);
  }
  text.append(table);
  if (set) text.append(element('p', 'set: ' + set.join(', ')));
  article.append(image, text);
  return article;
}

$('files').addEventListener('change', () => classify([...$('files').files]));
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  classify([...event.dataTransfer.files]);
});
`;

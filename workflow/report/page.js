/* The script of the report page.

Charts: each <figure data-chart> names a Vega-Lite specification and a renderer; the data are embedded once per name, by
columns, and shared by all charts. Tables: click a heading to sort, type to filter, download as CSV. */
'use strict';
const PAGE = JSON.parse(document.getElementById('page-data').textContent);
const rows = {};
function rowsOf(name) {
  if (!rows[name]) {
    const columns = PAGE.data[name], names = Object.keys(columns), n = names.length ? columns[names[0]].length : 0;
    rows[name] = Array.from({length: n}, (_, i) => Object.fromEntries(names.map(c => [c, columns[c][i]])));
  }
  return rows[name].map(row => ({...row}));
}
function save(name, text, type) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const quoted = v => { const s = v === null || v === undefined ? '' : String(v);
  return /[",\n]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s; };
const csv = lines => lines.map(line => line.map(quoted).join(',')).join('\n') + '\n';

// Panels: as many side by side as have room for `least` pixels each, `edge` of them for axis and gap; `margin` is for
// what the panels of a row share. A single view takes the whole width up to `widest`.
function fitted(spec, width) {
  const fit = spec.usermeta, copy = structuredClone(spec);
  if (!fit.panels) return Object.assign(copy, {width: Math.min(fit.widest, width) - fit.margin});
  const most = Math.min(fit.panels, fit.most), room = width - fit.margin;
  const columns = Math.max(1, Math.min(most, Math.floor(room / fit.least)));
  copy.columns = columns;
  const panel = Math.min(fit.widest, Math.floor(room / columns) - fit.edge);
  for (const part of copy.concat || [copy.spec])
    Object.assign(part, {width: panel, height: fit.height || Math.round(panel * fit.aspect)});
  return copy;
}
const views = {};
async function draw(figure) {
  const id = figure.dataset.chart, plot = figure.querySelector('.plot'), chart = PAGE.charts[id];
  const width = plot.clientWidth;
  if (!width || figure.dataset.width === String(width)) return;
  figure.dataset.width = width;
  const spec = fitted(chart.spec, width);
  spec.datasets = Object.fromEntries(chart.data.map(name => [name, rowsOf(name)]));
  const legend = {...PAGE.config.legend, columns: Math.max(2, Math.min(8, Math.floor(width / 110)))};
  if (views[id]) views[id].finalize();
  views[id] = await vegaEmbed(plot, spec, {actions: false, renderer: chart.renderer, logLevel: 1,
    config: {...PAGE.config, legend}, bind: figure.querySelector('.menus')});
  figure.dataset.drawn = 'yes';
}
async function drawAll() {
  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    try { await draw(figure); } catch (error) { console.error(figure.dataset.chart, error); }
  }
  document.body.dataset.ready = 'yes';
}
let waiting;
addEventListener('resize', () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 200); });
document.querySelectorAll('details').forEach(d => d.addEventListener('toggle', drawAll));

function key(cell) {
  const text = cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent.trim(), number = Number(text);
  return text === '' ? null : Number.isNaN(number) ? text.toLowerCase() : number;
}
function sortBy(table, head) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells], column = heads.indexOf(head);
  const down = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
  heads.forEach(h => h.hasAttribute('aria-sort') && h.setAttribute('aria-sort', 'none'));
  head.setAttribute('aria-sort', down > 0 ? 'ascending' : 'descending');
  const body = table.tBodies[0], all = [...body.rows].map(row => [key(row.cells[column]), row]);
  all.sort(([a], [b]) => a === b ? 0 : a === null ? 1 : b === null ? -1 :
    down * (typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === 'number' ? -1 : 1));
  body.append(...all.map(([, row]) => row));
}
document.querySelectorAll('.block').forEach(block => {
  const table = block.querySelector('table');
  table.querySelectorAll('th[aria-sort]').forEach(h => h.querySelector('button').onclick = () => sortBy(table, h));
  const filter = block.querySelector('input[type=search]'), count = block.querySelector('.count');
  const body = table.tBodies[0];
  if (filter) filter.oninput = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = shown + ' of ' + body.rows.length + ' rows';
  };
  block.querySelectorAll('button[data-csv]').forEach(button => button.onclick = () => {
    const name = button.dataset.csv, source = document.getElementById('csv-' + name);
    const shown = () => csv([...table.rows].filter(r => !r.hidden).map(r =>
      [...r.cells].flatMap(c => [c.textContent.trim(), ...Array(c.colSpan - 1).fill('')])));
    save(name + '.csv', source ? JSON.parse(source.textContent) : shown(), 'text/csv');
  });
});
document.querySelectorAll('figure[data-chart]').forEach(figure => {
  const id = figure.dataset.chart;
  figure.querySelector('button[data-svg]').onclick = async () =>
    save(id + '.svg', await views[id].view.toSVG(), 'image/svg+xml');
  figure.querySelector('button[data-csv]').onclick = () => {
    for (const name of PAGE.charts[id].data) {
      const columns = PAGE.data[name], names = Object.keys(columns);
      save(name + '.csv', csv([names, ...rowsOf(name).map(row => names.map(c => row[c]))]), 'text/csv');
    }
  };
});
const links = new Map([...document.querySelectorAll('nav a')].map(a => [a.hash.slice(1), a]));
const watcher = new IntersectionObserver(entries => entries.forEach(entry => {
  const id = entry.target.querySelector('h2').id;
  if (entry.isIntersecting) links.forEach((a, name) => {
    a.classList.toggle('here', name === id);
    if (name === id) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current');
  });
}), {rootMargin: '0px 0px -70% 0px'});
document.querySelectorAll('section').forEach(section => watcher.observe(section));
drawAll();

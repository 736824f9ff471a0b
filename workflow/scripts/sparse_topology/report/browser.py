"""What the report page brings to the browser: its style sheet and its script, both embedded once.

Charts: each <figure data-chart> names a Vega-Lite specification and a renderer; the data are embedded once per name, by
columns, and shared by all charts. Tables: click a heading to sort, type to filter, download as CSV.
"""

STYLE = """
:root { --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --tint: #f6f8fa; --accent: #0072B2; --win: #dcefe6; }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
body { margin: 0; color: var(--ink); background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100%; }
.layout { display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: 2.5rem; max-width: 1400px; margin: 0 auto;
  padding: 0 1.5rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 2rem 0;
  font-size: .9rem; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .2rem .6rem; color: var(--soft); text-decoration: none;
  border-left: 2px solid var(--line); }
nav a:hover, nav a.here { color: var(--accent); border-color: var(--accent); }
main { padding: 2rem 0 6rem; min-width: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.35rem; margin: 3rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lead, .soft { color: var(--soft); }
.anchor { color: var(--line); text-decoration: none; font-weight: 400; }
.anchor:hover, .anchor:focus { color: var(--accent); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .6rem; margin: 1.2rem 0;
  padding: 0; }
.facts div { background: var(--tint); border-radius: 6px; padding: .6rem .8rem; }
.facts dt { font-size: .8rem; color: var(--soft); }
.facts dd { margin: 0; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
.facts dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); line-height: 1.35; }
.note { background: #fff8e5; border-left: 3px solid #E69F00; padding: .5rem .8rem; max-width: 46rem; }
figure { margin: 1rem 0 1.6rem; }
figcaption { font-size: .88rem; color: var(--soft); max-width: 46rem; }
figcaption p { margin: .3rem 0; }
code, pre { font: .85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--tint); padding: .8rem; border-radius: 6px; overflow-x: auto; }
.plot { width: 100%; overflow-x: auto; }
.plot svg, .plot canvas { display: block; max-width: 100%; }
.menus { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .2rem 0 .6rem; font-size: .88rem; }
.vega-bind-name { color: var(--soft); margin-right: .4rem; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin: .4rem 0; font-size: .85rem; }
select, input, button { font: inherit; color: inherit; background: #fff; border: 1px solid var(--line);
  border-radius: 5px; padding: .2rem .5rem; max-width: 100%; }
button { cursor: pointer; }
button:hover { border-color: var(--accent); color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: 6px; max-width: max-content; }
.scroll.tall { max-height: 75vh; }
.block { min-width: 0; max-width: 100%; }
.pair { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); }
.pair > * { min-width: 0; }
table { border-collapse: separate; border-spacing: 0; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .26rem .5rem; border-bottom: 1px solid #eaeef2; text-align: left; white-space: nowrap; }
td.n, th.n { text-align: right; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 11rem; }
thead { position: sticky; top: 0; z-index: 2; }
thead th { background: var(--tint); font-weight: 600; }
thead th.group { text-align: left; border-left: 1px solid var(--line); }
thead th { white-space: normal; vertical-align: bottom; }
thead button { all: unset; cursor: pointer; }
thead button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort] button { position: relative; }
th[aria-sort] button::after { position: absolute; content: "\\2195"; color: #b6bec7; opacity: 0; }
th[aria-sort] button:hover::after, th[aria-sort] button:focus::after { opacity: 1; }
th[aria-sort=ascending] button::after { content: "\\2191"; color: var(--accent); opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; color: var(--accent); opacity: 1; }
tbody th { font-weight: 500; background: #fff; }
tbody th:first-child, thead tr:last-child th:first-child { position: sticky; left: 0; z-index: 1; }
tbody tr:hover td, tbody tr:hover th { background: #f3f8fc; }
td small { display: block; color: var(--soft); font-size: .78em; font-weight: 400; }
td.best { background: var(--win); font-weight: 700; }
tr.base td, tr.base th { border-top: 1px solid var(--line); color: var(--soft); }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--accent); }
.drawings { display: grid; align-items: start; gap: 1.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.drawings img { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; background: #fff; }
#vg-tooltip-element { font-family: inherit; font-size: 12px; max-width: min(24rem, 90vw); }
#vg-tooltip-element table tr td { border: none; padding: 1px 4px; white-space: normal; vertical-align: top; }
#vg-tooltip-element table tr td.key { white-space: nowrap; max-width: none; }
#vg-tooltip-element table tr td.value { max-width: 16rem !important; overflow: visible !important; }
@media (max-width: 900px) {
  .layout { display: block; padding: 0 .9rem; }
  nav { position: static; max-height: none; padding: 1rem 0 0; }
  nav ol { columns: 2; column-gap: 1rem; }
  main { padding-top: 1rem; }
  h1 { font-size: 1.5rem; }
  tbody th:first-child { white-space: normal; min-width: 6.5rem; }
}
@media print {
  body { font-size: 10pt; }
  .layout { display: block; max-width: none; padding: 0; }
  nav, .tools, .anchor { display: none; }
  .scroll, .scroll.tall { overflow: visible; max-height: none; border: none; }
  thead { position: static; }
  table { font-size: 7pt; }
  th, td { padding: .12rem .25rem; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .plot svg, .plot canvas { height: auto !important; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

SCRIPT = """
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
  return /[",\\n]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s; };
const csv = lines => lines.map(line => line.map(quoted).join(',')).join('\\n') + '\\n';

// Panels: as many side by side as have room for `least` pixels each, `edge` of them for axis and gap; `margin` is for
// what the panels of a row share. A single view takes the whole width up to `widest`.
function fitted(spec, width) {
  const fit = spec.usermeta, copy = structuredClone(spec);
  if (!fit.panels) return Object.assign(copy, {width: Math.min(fit.widest, width) - fit.margin});
  const most = Math.min(fit.panels, fit.most), room = width - fit.margin;
  const columns = Math.max(1, Math.min(most, Math.floor(room / fit.least)));
  copy.columns = columns;
  copy.spec.width = Math.min(fit.widest, Math.floor(room / columns) - fit.edge);
  copy.spec.height = fit.height || Math.round(copy.spec.width * fit.aspect);
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
    const words = filter.value.toLowerCase().split(/\\s+/);
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
  if (entry.isIntersecting) links.forEach((a, name) => a.classList.toggle('here', name === id));
}), {rootMargin: '0px 0px -70% 0px'});
document.querySelectorAll('section').forEach(section => watcher.observe(section));
drawAll();
"""

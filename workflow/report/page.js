/* The script of the report page.

Charts: each <figure data-chart> names a Vega-Lite specification and a renderer; the data are embedded once per name, by
columns, and shared by all charts. Tables: click a heading to sort, type to filter, download as CSV. One filter for the
whole page. What the visitor chose (filter, menus, legend, brush, order of a table) is in the address. */
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
// -- what the visitor chose: one map of words, kept in the address after the '?' of its hash

const FACETS = Object.keys(PAGE.facets), belongs = Object.fromEntries(FACETS.map(f => [f, new Set(PAGE.facets[f])]));
let state = new Map(), anchor = '';
function readAddress() {
  const [name, query] = location.hash.slice(1).split('?');
  anchor = name;
  if (query !== undefined) state = new Map(new URLSearchParams(query));
  else writeAddress();
}
function writeAddress() {
  const query = new URLSearchParams([...state]).toString();
  if (anchor || query || location.hash) history.replaceState(null, '', '#' + anchor + (query && '?' + query));
}
function choose(name, value) {
  if (value === null || value === undefined || value === '') state.delete(name); else state.set(name, String(value));
  writeAddress();
}
// What is filtered away: a row is shown unless one of its facets has another value than the chosen one.
const chosen = () => FACETS.filter(facet => belongs[facet].has(state.get(facet)));
const allowed = found => chosen().every(facet => !(facet in found) || found[facet] === state.get(facet));

// The facets of a data set: its columns of words, of which most (of the parts between commas) are values of a facet.
const fields = {};
function facetFields(name) {
  if (fields[name]) return fields[name];
  const found = fields[name] = [];
  for (const [column, values] of Object.entries(PAGE.data[name])) {
    if (!values.length || typeof values[0] !== 'string') continue;
    const words = [...new Set(values)].map(v => String(v).split(', '));
    for (const part of words[0].keys()) for (const facet of FACETS)
      if (words.filter(w => belongs[facet].has(w[part])).length > words.length / 2) found.push([facet, column, part]);
  }
  return found;
}
function shownRows(name) {
  const used = chosen(), tests = facetFields(name).filter(([facet]) => used.includes(facet));
  return rowsOf(name).filter(row => tests.every(([facet, column, part]) => {
    const word = String(row[column]).split(', ')[part];
    return !belongs[facet].has(word) || word === state.get(facet);
  }));
}

// -- charts: drawn when they come near, or when the browser has nothing else to do, one at a time

const views = {}, LARGE = 1000, TOLD = 6;
const figures = [...document.querySelectorAll('figure[data-chart]')], waiting = new Set();
// The specification with the choices in it: menus, and what was picked in the legend.
function withChoices(spec, id) {
  for (const param of spec.params || []) {
    const value = state.get(id + '.' + param.name);
    if (param.bind && param.bind.options) {
      const fixed = chosen().map(facet => state.get(facet)).find(v => param.bind.options.includes(v));
      if (fixed !== undefined) { param.bind.options = [fixed]; param.value = fixed; }
      else if (param.bind.options.includes(value)) param.value = value;
    } else if (param.bind === 'legend' && value) {
      const field = param.select.fields[0];
      param.value = value.split('|').map(word => ({[field]: word}));
    }
  }
  return spec;
}
function follow(view, id, params) {
  for (const {name, bind, value} of params || []) {
    if (bind && bind.options && bind.options.length > 1) {
      const first = PAGE.charts[id].spec.params.find(p => p.name === name).value;
      view.addSignalListener(name, (_, now) => {
        choose(id + '.' + name, now === first ? null : now);
        if (name === PAGE.charts[id].spec.usermeta.axes) choose(id + '.brush', null);
        // Not awaited in there: the next run begins when this one has ended.
        view.runAfter(() => { view.resize().runAsync().then(() => brushes[id] && brushes[id].show()); });
      });
    } else if (bind === 'legend') view.addDataListener(name + '_store', (_, rows) => {
      choose(id + '.' + name, [...new Set(rows.map(row => row.values[0]))].join('|'));
      view.runAfter(() => brushes[id] && brushes[id].show());
    });
  }
}
// The Vega specification of a Vega-Lite one: what embedding hands over to `patch`. A task of its own, before the drawing.
async function vegaOf(spec, config) {
  let compiled;
  const nothing = await vegaEmbed(document.createElement('div'), spec, {config, actions: false,
    patch: vega => { compiled = vega; return {}; }});
  nothing.finalize();
  return compiled;
}
async function draw(figure) {
  const id = figure.dataset.chart, plot = figure.querySelector('.plot'), chart = PAGE.charts[id];
  const width = plot.clientWidth, mark = width + ' ' + chosen().map(facet => state.get(facet)).join('|');
  if (!width || figure.dataset.as === mark) return;
  figure.dataset.as = mark;
  if (views[id]) views[id].finalize();
  delete views[id];
  delete brushes[id];
  const data = Object.fromEntries(chart.data.map(name => [name, shownRows(name)])), rows = data[chart.data[0]];
  const source = structuredClone(chart.spec);
  if (source.facet) source.usermeta.panels = new Set(rows.map(row => row[source.facet.field])).size;
  const spec = withChoices(fitted(source, width), id);
  // Short tasks instead of a long one: a large chart is made without its data, and what its
  // panels tell comes last, of TOLD panels at a time.
  const large = rows.length > LARGE;
  spec.datasets = large ? Object.fromEntries(chart.data.map(name => [name, []])) : data;
  const legend = {...PAGE.config.legend, columns: Math.max(2, Math.min(8, Math.floor(width / 110)))};
  if (rows.length) {
    const compiled = await vegaOf(spec, {...PAGE.config, legend});
    await new Promise(rested);
    views[id] = await vegaEmbed(plot, compiled, {mode: 'vega', actions: false, hover: false, logLevel: 1,
      renderer: chart.renderer, bind: figure.querySelector('.menus')});
    const view = views[id].view;
    if (large) {
      await new Promise(rested);
      for (const name of chart.data) view.data(name, data[name]);
      await view.resize().runAsync();  // and room for its axes
    }
    for (let told = 0; spec.usermeta.told && told < spec.usermeta.panels;) {
      await new Promise(rested);
      await view.signal(spec.usermeta.told, told += TOLD).resize().runAsync();
    }
    follow(view, id, spec.params);
    if (chart.spec.usermeta.brush) brushes[id] = brushOver(figure, view);
  } else {
    const handle = figure.querySelector('.handle');
    if (handle) handle.hidden = true;
    figure.querySelector('.menus').replaceChildren();
    plot.textContent = 'Nothing of what is chosen above is in this figure.';
  }
  figure.dataset.drawn = 'yes';
}
const rested = window.requestIdleCallback ? (go => requestIdleCallback(go, {timeout: 300})) : (go => setTimeout(go, 20));
const near = new Set();
let drawing = false;
function later() {
  if (drawing) return;
  const next = [...near].find(f => waiting.has(f)) || [...waiting][0];
  if (!next) { document.body.dataset.ready = 'yes'; return; }
  drawing = true;
  rested(async () => {
    waiting.delete(next);
    try { await draw(next); } catch (error) { console.error(next.dataset.chart, error); }
    drawing = false;
    if (held && anchor && !document.body.dataset.ready)
      document.getElementById(anchor)?.scrollIntoView({behavior: 'instant'});  // smooth scrolling could last longer than drawing
    later();
  });
}
// The section that the address names stays in place while charts above it are drawn, until the visitor moves.
let held = true;
['wheel', 'touchmove', 'keydown', 'pointerdown'].forEach(kind => addEventListener(kind, () => held = false, {passive: true}));
function drawAll() {
  figures.forEach(figure => waiting.add(figure));
  later();
}
const approach = new IntersectionObserver(entries => entries.forEach(({target, isIntersecting}) =>
  isIntersecting ? near.add(target) : near.delete(target)), {rootMargin: '300px'});
figures.forEach(figure => approach.observe(figure));
let resized;
addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(drawAll, 200); });
document.querySelectorAll('details').forEach(d => d.addEventListener('toggle', drawAll));

// -- the brush: a rectangle in one panel, in the units of its axes; what lies in it stays lit in every panel. It lies
// above the chart, so that a step draws the lit points alone. By keyboard: a button that lies over one panel.

const brushes = {};
function panelsOf(view) {
  const found = [], [x0, y0] = view.origin(), {left, top} = view.padding();
  const walk = (item, x, y) => {
    if (item.marktype !== 'group') return;
    for (const group of item.items) {
      const gx = x + (group.x || 0), gy = y + (group.y || 0);
      const points = group.items.find(m => m.marktype === 'symbol' && m.role === 'mark');
      const name = item.name && item.name.replace(/_group$/, '');
      if (points && name) found.push({name, x: gx, y: gy, width: group.width, height: group.height, points: points.items,
        across: view.scale(name + '_x'), up: view.scale(name + '_y')});
      group.items.forEach(child => walk(child, gx, gy));
    }
  };
  walk(view.scenegraph().root, x0 + left, y0 + top);
  return found;
}
function brushOver(figure, view) {
  const id = figure.dataset.chart, plot = figure.querySelector('.plot'), base = plot.querySelector('canvas');
  const {spec} = PAGE.charts[id], {brush: key, axes} = spec.usermeta;
  const told = figure.querySelector('output'), handle = figure.querySelector('.handle');
  const over = plot.appendChild(document.createElement('canvas')), ink = over.getContext('2d');
  over.className = 'brush';
  const ratio = base.width / parseFloat(base.style.width);
  let panels = panelsOf(view), asked = false, place = 0;  // place: of the panel under the handle
  const read = () => {
    const [name, ...ends] = (state.get(id + '.brush') || '').split(','), panel = panels.find(p => p.name === name);
    return panel && ends.length === 4 && {panel, ends: ends.map(Number)};
  };
  const inside = ({panel, ends}) => {
    const xs = [panel.across(ends[0]), panel.across(ends[1])].sort((a, b) => a - b);
    const ys = [panel.up(ends[2]), panel.up(ends[3])].sort((a, b) => a - b);
    const lit = new Set(panel.points.filter(p => p.x >= xs[0] && p.x <= xs[1] && p.y >= ys[0] && p.y <= ys[1] &&
      p.opacity > .1).map(p => p.datum[key]));
    return {lit, box: [panel.x + xs[0], panel.y + ys[0], xs[1] - xs[0], ys[1] - ys[0]]};
  };
  const title = panel => spec.concat[Number(panel.name.match(/\d+/))].layer[0].encoding.x.title;
  const said = (name, ends) => `${name} ${ends.map(v => Number(v.toPrecision(3))).sort((a, b) => a - b).join(' to ')}`;
  const text = ({panel, ends}, lit) => `${said(title(panel), ends.slice(0, 2))}, ${said('accuracy drop', ends.slice(2))}` +
    `${view.signal(axes) === 'linear' ? '' : ` (${view.signal(axes)})`}: ` +
    `${lit} of ${new Set(panel.points.map(p => p.datum[key])).size} networks`;
  function paint() {
    asked = false;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, over.width, over.height);
    const brush = read();
    told.textContent = document.activeElement === handle ? title(panels[place]) : '';
    if (!brush) return;
    const {lit, box} = inside(brush);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.fillStyle = 'rgba(255, 255, 255, .86)';
    for (const panel of panels) ink.fillRect(panel.x - 4, panel.y - 4, panel.width + 8, panel.height + 8);
    const colours = new Map();
    for (const panel of panels) for (const point of panel.points) {
      if (!lit.has(point.datum[key]) || point.opacity <= .1) continue;
      if (!colours.has(point.fill)) colours.set(point.fill, new Path2D());
      const x = panel.x + point.x, y = panel.y + point.y, radius = Math.sqrt(point.size / Math.PI);
      colours.get(point.fill).moveTo(x + radius, y);
      colours.get(point.fill).arc(x, y, radius, 0, 7);
    }
    colours.forEach((path, colour) => { ink.fillStyle = colour; ink.fill(path); });
    ink.strokeStyle = '#333'; ink.fillStyle = 'rgba(80, 80, 80, .12)';
    ink.fillRect(...box); ink.strokeRect(...box);
    told.textContent = text(brush, lit.size);
  }
  const soon = () => { if (!asked) { asked = true; requestAnimationFrame(paint); } };
  // After a change of the data or of their colours. A brush that holds nothing any more is gone.
  function show() {
    over.width = base.width; over.height = base.height; over.style.cssText = base.style.cssText;
    panels = panelsOf(view);
    const brush = read();
    if (brush && !inside(brush).lit.size) choose(id + '.brush', null);
    cover();
    soon();
  }
  // A brush between these shares of a panel's width and height, from its left upper corner.
  function select(panel, [left, right, top, bottom]) {
    const least = v => Math.min(Math.max(v, 0), 1), digits = v => Number(v.toPrecision(5));
    const xs = [left, right].map(x => digits(panel.across.invert(least(x) * panel.width)));
    const ys = [top, bottom].map(y => digits(panel.up.invert(least(y) * panel.height)));
    state.set(id + '.brush', [panel.name, ...xs, ...ys].join(','));
    soon();
  }
  const from = event => { const box = base.getBoundingClientRect(); return [event.clientX - box.x, event.clientY - box.y]; };
  base.onpointerdown = event => {
    const [x0, y0] = from(event);
    const panel = panels.find(p => x0 >= p.x && x0 <= p.x + p.width && y0 >= p.y && y0 <= p.y + p.height);
    if (!panel || event.button) return;
    if (event.pointerType === 'mouse') base.setPointerCapture(event.pointerId);
    base.onpointermove = move => {
      const [x1, y1] = from(move);
      select(panel, [...[x0, x1].map(x => (x - panel.x) / panel.width), ...[y0, y1].map(y => (y - panel.y) / panel.height)]);
    };
    base.onpointerup = base.onpointercancel = () => {
      base.onpointermove = base.onpointerup = base.onpointercancel = null;
      show();
      writeAddress();
    };
    state.delete(id + '.brush');
    soon();
  };
  function cover() {
    const brush = read();
    if (brush) place = panels.indexOf(brush.panel);
    place = Math.min(place, panels.length - 1);
    const {x, y, width, height} = panels[place];
    handle.style.cssText = `left: ${plot.offsetLeft + x}px; top: ${plot.offsetTop + y}px; width: ${width}px; height: ${height}px`;
    handle.setAttribute('aria-label', `Brush over ${title(panels[place])}`);
    handle.hidden = false;
  }
  handle.onfocus = () => { cover(); soon(); };
  handle.onblur = soon;
  handle.onclick = () => { if (!read()) select(panels[place], [.25, .75, .25, .75]); writeAddress(); };
  handle.onkeyup = writeAddress;
  handle.onkeydown = event => {
    const step = .05, turn = {PageDown: 1, PageUp: -1}[event.key];
    const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
    if (!(turn || move) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    definition.hidden = true;
    const brush = read();
    if (brush) place = panels.indexOf(brush.panel);
    if (turn) place = (place + turn + panels.length) % panels.length;
    const panel = panels[place], within = (v, low, high) => Math.min(Math.max(v, low), high);
    if (brush) {
      const {box: [x, y, width, height]} = inside(brush), old = brush.panel;
      let [left, right] = [x - old.x, x - old.x + width].map(v => v / old.width);
      let [top, bottom] = [y - old.y, y - old.y + height].map(v => v / old.height);
      const [dx, dy] = move || [0, 0];
      if (event.shiftKey) {
        right = within(right + dx, left + step, 1);
        top = within(top + dy, 0, bottom - step);
      } else {
        const across = within(dx, -left, 1 - right), down = within(dy, -top, 1 - bottom);
        [left, right, top, bottom] = [left + across, right + across, top + down, bottom + down];
      }
      select(panel, [left, right, top, bottom]);
    } else if (move) handle.click();
    cover();
    soon();
    handle.scrollIntoView({block: 'nearest'});
  };
  show();
  return {show};
}
addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  for (const id of Object.keys(brushes)) { choose(id + '.brush', null); brushes[id].show(); }
});

// -- tables

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
// The facets of a table: a row has those that its words name, a column those that its headings name.
function facetsOf(words) {
  const found = {};
  for (const facet of FACETS) for (const word of words) if (belongs[facet].has(word)) found[facet] = word;
  return found;
}
const plain = cell => [...cell.childNodes].filter(n => n.nodeName !== 'SMALL').map(n => n.textContent).join('').trim();
function columnFacets(table) {
  const lines = [...table.tHead.rows].map(row => [...row.cells].flatMap(cell =>
    Array(cell.colSpan).fill(plain(cell).replace(/ \(.*\)$/, ''))));
  return lines[lines.length - 1].map((_, k) => facetsOf(lines.map(line => line[k])));
}
function tableOf(block) {
  const table = block.querySelector('table'), body = table.tBodies[0], name = block.id;
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const find = block.querySelector('input[type=search]'), count = block.querySelector('.count');
  let columns, filtered = false;
  function filter() {
    const words = (find ? find.value : '').toLowerCase().split(/\s+/).filter(Boolean), active = chosen().length > 0;
    let shown = 0;
    for (const row of body.rows) {
      if (active && !row.facets) row.facets = facetsOf([...row.cells].filter(c => c.dataset.v === undefined).map(plain));
      const text = words.length ? row.textContent.toLowerCase() : '';
      row.hidden = !words.every(word => text.includes(word)) || (active && !allowed(row.facets));
      shown += !row.hidden;
    }
    if (count) count.textContent = (shown < body.rows.length ? shown + ' of ' : '') + body.rows.length + ' rows';
    if (!active && !filtered) return;
    filtered = active;
    columns = columns || columnFacets(table);
    for (const row of table.rows) {
      let k = 0;
      for (const cell of row.cells) {
        const width = cell.dataset.span ? Number(cell.dataset.span) : cell.colSpan;
        const left = columns.slice(k, k + width).filter(allowed).length;
        cell.hidden = !left;
        if (width > 1) { cell.dataset.span = width; cell.colSpan = Math.max(1, left); }
        k += width;
      }
    }
  }
  heads.filter(h => h.hasAttribute('aria-sort')).forEach(h => h.querySelector('button').onclick = () => {
    sortBy(table, h);
    choose(name + '.sort', (h.getAttribute('aria-sort') === 'descending' ? '-' : '') + heads.indexOf(h));
  });
  if (find) find.oninput = () => { choose(name + '.find', find.value); filter(); };
  block.querySelectorAll('button[data-csv]').forEach(button => button.onclick = () => {
    const name = button.dataset.csv, source = document.getElementById('csv-' + name);
    const shown = () => csv([...table.rows].filter(r => !r.hidden).map(r => [...r.cells].filter(c => !c.hidden)
      .flatMap(c => [c.textContent.trim(), ...Array(c.colSpan - 1).fill('')])));
    save(name + '.csv', source ? JSON.parse(source.textContent) : shown(), 'text/csv');
  });
  const original = [...body.rows];
  return () => {  // as the state says
    const sort = state.get(name + '.sort'), head = sort && heads[Math.abs(Number(sort))];
    if (head && head.hasAttribute('aria-sort')) {
      head.setAttribute('aria-sort', sort[0] === '-' ? 'ascending' : 'none');
      sortBy(table, head);
    } else if (heads.some(h => /cending/.test(h.ariaSort))) {
      heads.forEach(h => h.hasAttribute('aria-sort') && h.setAttribute('aria-sort', 'none'));
      body.append(...original);
    }
    if (find) find.value = state.get(name + '.find') || '';
    filter();
  };
}
const tables = [...document.querySelectorAll('.block')].map(tableOf);
// A sub-section that is about one data set or one architecture goes with it.
function filterSubsections() {
  document.querySelectorAll('section').forEach(section => {
    let shown = true;
    for (const part of section.children) {
      if (/^H[23]$/.test(part.tagName)) shown = allowed(facetsOf([part.firstChild.textContent.trim()]));
      part.classList.toggle('filtered', !shown);
    }
  });
}

// -- the paper's Figure 1: two filters of 2x2 over three channels of 3x3, without padding, with stride 1

const FILTERS = 2, CHANNELS = 3, KERNEL = 2, INPUT = 3, OUTPUT = INPUT - KERNEL + 1;
const HUES = PAGE.hues.slice(0, CHANNELS);
const firstMask = Array.from({length: FILTERS * CHANNELS * KERNEL ** 2}, (_, k) => Number(k % 5 === 0 || k % 7 === 3)).join('');
const range = n => [...Array(n).keys()];
// Every weight with its place and its edges: [unit of the input, unit of the output].
const weights = range(FILTERS).flatMap(o => range(CHANNELS).flatMap(c => range(KERNEL).flatMap(i => range(KERNEL).map(j => ({
  o, c, i, j, rolled: [(c * KERNEL + i) * KERNEL + j, o],
  edges: range(OUTPUT).flatMap(y => range(OUTPUT).map(x =>
    [(c * INPUT + y + i) * INPUT + x + j, (o * OUTPUT + y) * OUTPUT + x])),
})))));
// A bipartite graph: circles left and right, lines for the edges [[left, right, weight]].
function bipartite(left, right, edges, hue, names) {
  const height = 340, at = (k, n) => 24 + (k + .5) * (height - 30) / n, svg = [];
  const touched = [new Set(edges.map(e => e[0])), new Set(edges.map(e => e[1]))];
  for (const [a, b, w] of edges)
    svg.push(`<line data-edge="${a} ${b}" data-weight="${w}" x1="30" y1="${at(a, left)}" x2="230" y2="${at(b, right)}" stroke="${HUES[weights[w].c]}"/>`);
  range(left).forEach(k => svg.push(`<circle${touched[0].has(k) ? '' : ' class="lost"'} cx="30" cy="${at(k, left)}" r="4.5" fill="${hue(k)}" stroke="${hue(k)}"/>`));
  range(right).forEach(k => svg.push(`<circle${touched[1].has(k) ? '' : ' class="lost"'} cx="230" cy="${at(k, right)}" r="4.5" fill="#767676" stroke="#767676"/>`));
  return `<svg viewBox="0 0 260 ${height}" role="img" aria-label="${names}"><text x="4" y="12">${names}</text>${svg.join('')}</svg>`;
}
function unrolling(figure) {
  const kernel = figure.querySelector('.kernel');
  for (const o of range(FILTERS)) {
    const set = kernel.appendChild(document.createElement('fieldset'));
    set.innerHTML = `<legend>filter ${o + 1}</legend>`;
    for (const c of range(CHANNELS)) {
      const box = set.appendChild(document.createElement('div'));
      box.className = 'channel';
      box.style.setProperty('--channel', HUES[c]);
      weights.forEach((weight, k) => {
        if (weight.o !== o || weight.c !== c) return;
        const button = box.appendChild(document.createElement('button'));
        button.type = 'button';
        button.dataset.weight = k;
        button.setAttribute('aria-label', `filter ${o + 1}, channel ${c + 1}, row ${weight.i + 1}, column ${weight.j + 1}`);
        button.onclick = () => {
          const bits = [...mask()];
          bits[k] = bits[k] === '1' ? '0' : '1';
          choose('kernel', bits.join('') === firstMask ? null : bits.join(''));
          show();
          light(k);
        };
        button.onpointerenter = button.onfocus = () => light(k);
        button.onpointerleave = button.onblur = () => light(null);
      });
    }
  }
  const mask = () => /^[01]{24}$/.test(state.get('kernel')) ? state.get('kernel') : firstMask;
  function light(k) {
    figure.querySelectorAll('svg').forEach(svg => svg.classList.toggle('hot', k !== null && mask()[k] === '1'));
    figure.querySelectorAll('line').forEach(line => line.classList.toggle('hot', line.dataset.weight === String(k)));
  }
  function show() {
    const kept = weights.map((_, k) => k).filter(k => mask()[k] === '1');
    kernel.querySelectorAll('button').forEach(b => b.setAttribute('aria-pressed', mask()[b.dataset.weight] === '1'));
    const rolled = kept.map(k => [...weights[k].rolled, k]), edges = kept.flatMap(k => weights[k].edges.map(e => [...e, k]));
    const inputs = CHANNELS * INPUT ** 2, outputs = FILTERS * OUTPUT ** 2;
    figure.querySelector('.rolled').innerHTML = bipartite(CHANNELS * KERNEL ** 2, FILTERS, rolled,
      k => HUES[Math.floor(k / KERNEL ** 2)], 'rolled graph');
    figure.querySelector('.unrolled').innerHTML = bipartite(inputs, outputs, edges,
      k => HUES[Math.floor(k / INPUT ** 2)], 'unrolled graph');
    const alone = inputs + outputs - new Set(edges.map(e => e[0])).size - new Set(edges.map(e => e[1])).size;
    figure.querySelector('output').textContent = `${kept.length} of ${weights.length} weights: ${rolled.length} edges rolled, ` +
      `${edges.length} of ${weights.length * OUTPUT ** 2} unrolled; ${alone} of ${inputs + outputs} units without any edge`;
  }
  return show;
}
const unrollings = [...document.querySelectorAll('.unrolling')].map(unrolling);

// -- definitions: what the glossary says, where a word is pointed at or reached by Tab

const definition = document.getElementById('definition');
function define(event) {
  const word = event.target.closest && event.target.closest('[aria-describedby^=word-]');
  definition.hidden = !word;
  if (!word) return;
  definition.textContent = document.getElementById(word.getAttribute('aria-describedby')).textContent;
  const box = word.getBoundingClientRect(), room = document.documentElement.clientWidth;
  definition.style.left = Math.max(8, Math.min(box.left, room - definition.offsetWidth - 8)) + scrollX + 'px';
  const below = box.bottom + 6 + definition.offsetHeight < innerHeight;
  definition.style.top = (below ? box.bottom + 6 : box.top - 6 - definition.offsetHeight) + scrollY + 'px';
}
['mouseover', 'focusin', 'click'].forEach(kind => document.addEventListener(kind, define));
document.addEventListener('focusout', () => { definition.hidden = true; });
addEventListener('keydown', event => { if (event.key === 'Escape') definition.hidden = true; });

// -- the bar above all, and the address

const bar = document.querySelector('.filter'), selects = [...bar.querySelectorAll('select')];
function apply() {
  selects.forEach(s => { s.value = belongs[s.name].has(state.get(s.name)) ? state.get(s.name) : ''; });
  bar.classList.toggle('active', chosen().length > 0);
  tables.forEach(update => update());
  unrollings.forEach(show => show());
  filterSubsections();
  drawAll();
}
selects.forEach(s => s.onchange = () => { choose(s.name, s.value); apply(); });
function reset() {
  state = new Map();
  writeAddress();
  figures.forEach(figure => delete figure.dataset.as);
  apply();
}
bar.querySelector('[data-reset]').onclick = reset;
addEventListener('hashchange', () => {
  held = true;
  const before = [...state].join();
  readAddress();
  if ([...state].join() !== before) { figures.forEach(figure => delete figure.dataset.as); apply(); }
});

document.querySelectorAll('figure[data-chart]').forEach(figure => {
  const id = figure.dataset.chart;
  figure.querySelector('button[data-svg]').onclick = async () =>
    views[id] && save(id + '.svg', await views[id].view.toSVG(), 'image/svg+xml');
  figure.querySelector('button[data-csv]').onclick = () => {
    for (const name of PAGE.charts[id].data) {
      const columns = PAGE.data[name], names = Object.keys(columns);
      save(name + '.csv', csv([names, ...rowsOf(name).map(row => names.map(c => row[c]))]), 'text/csv');
    }
  };
});
const links = new Map([...document.querySelectorAll('nav a')].map(a => [a.hash.slice(1), a]));
const sections = [...document.querySelectorAll('section')];
const watcher = new IntersectionObserver(() => {
  const above = sections.filter(section => section.getBoundingClientRect().top < 0.3 * innerHeight);
  const id = (above.pop() || sections[0]).querySelector('h2').id;
  links.forEach((a, name) => {
    a.classList.toggle('here', name === id);
    if (name === id) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current');
  });
}, {rootMargin: '0px 0px -70% 0px'});
sections.forEach(section => watcher.observe(section));
readAddress();
apply();
if (location.hash.includes('?') && anchor) document.getElementById(anchor)?.scrollIntoView();

// The Gantt: only what is in sight is in the document, so that ten thousand bars stay light.
const ROW = 22, AXIS = 26, GUTTER = 250;
const gantt = { view: { t0: 0, t1: 1 }, rows: [], closed: new Set(), shown: [], selected: null };

function startGantt(data) {
  gantt.data = data;
  gantt.box = $("gantt");
  gantt.svg = s("svg", { role: "presentation" });
  gantt.spacer = h("div");
  gantt.box.append(gantt.svg, gantt.spacer);
  gantt.hay = data.bars.map((b) => {
    const detail = (b.detail ? b.detail[1] : []).map((a) => a[0] + "\n" + a[2] + "\n" + a[3] + "\n" + a[6]).join("\n");
    return [b.name, data.raw.hosts[b.host], detail].join("\n").toLowerCase();
  });
  $("packed").checked = new Set(data.bars.map((b) => b.name)).size > 400;
  for (const id of ["only-critical", "only-failed", "packed"]) $(id).addEventListener("change", refilter);
  let waiting = 0;
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refilter, 120); });
  $("zoom-in").addEventListener("click", () => zoom(0.6));
  $("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
  $("zoom-all").addEventListener("click", fitAll);
  gantt.box.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(gantt.box);
  gantt.box.addEventListener("wheel", wheel, { passive: false });
  gantt.box.addEventListener("keydown", ganttKey);
  dragToPan();
  refilter();
  fitAll();
}

function refilter() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const critical = $("only-critical").checked, failed = $("only-failed").checked;
  gantt.shown = gantt.data.bars.filter((b) => (!critical || b.crit) && (!failed || b.failed) && words.every((w) => gantt.hay[b.n].includes(w)));
  const all = gantt.data.bars.length;
  $("shown").textContent = gantt.shown.length === all ? all + " executions" : gantt.shown.length + " of " + all;
  layRows();
  draw();
}

function layRows() {
  const packed = $("packed").checked, byHost = new Map();
  for (const bar of gantt.shown) {
    if (!byHost.has(bar.host)) byHost.set(bar.host, new Map());
    const components = byHost.get(bar.host);
    if (!components.has(bar.c)) components.set(bar.c, []);
    components.get(bar.c).push(bar);
  }
  const rows = [];
  for (const [host, components] of byHost) {
    const head = { host, bars: [], count: 0 };
    rows.push(head);
    let even = false;
    for (const [component, bars] of components) {
      head.count += bars.length;
      even = !even;
      if (gantt.closed.has(host)) continue;
      const lanes = packed ? pack(bars) : byTransition(bars);
      lanes.forEach((lane, i) => rows.push({ component, first: i === 0, even, label: packed ? "" : lane[0].t, bars: lane }));
    }
  }
  gantt.data.bars.forEach((b) => { b.row = -1; });
  rows.forEach((row, i) => row.bars.forEach((b) => { b.row = i; }));
  gantt.rows = rows;
  gantt.order = rows.flatMap((row) => row.bars);
  gantt.spacer.style.height = Math.max(0, rows.length * ROW + AXIS + 8 - gantt.box.clientHeight) + "px";
}

function byTransition(bars) {
  const lanes = new Map();
  for (const bar of bars) lanes.has(bar.t) ? lanes.get(bar.t).push(bar) : lanes.set(bar.t, [bar]);
  return [...lanes.values()];
}

function pack(bars) {
  const lanes = [];
  for (const bar of bars) {
    const lane = lanes.find((l) => l[l.length - 1].e <= bar.s);
    lane ? lane.push(bar) : lanes.push([bar]);
  }
  return lanes;
}

const span = () => gantt.view.t1 - gantt.view.t0;
const chart = () => Math.max(60, gantt.box.clientWidth - GUTTER - 16);
const xOf = (t) => GUTTER + ((t - gantt.view.t0) / span()) * chart();
const yOf = (row) => AXIS + row * ROW - gantt.box.scrollTop;

function fitAll() {
  const end = gantt.data.end || 1;
  gantt.view = { t0: 0, t1: end * 1.04 };
  draw();
}

function setView(t0, width) {
  const end = (gantt.data.end || 1) * 1.04;
  width = Math.min(Math.max(width, end / 2e5), end);
  t0 = Math.min(Math.max(t0, 0), end - width);
  gantt.view = { t0, t1: t0 + width };
  draw();
}

function zoom(factor, at = gantt.view.t0 + span() / 2) {
  setView(at - (at - gantt.view.t0) * factor, span() * factor);
}

function wheel(event) {
  if (event.ctrlKey || event.metaKey) {
    const x = event.clientX - gantt.box.getBoundingClientRect().left;
    zoom(Math.exp(event.deltaY / 300), gantt.view.t0 + (Math.max(0, x - GUTTER) / chart()) * span());
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    setView(gantt.view.t0 + ((event.deltaX || event.deltaY) / chart()) * span(), span());
  } else return;
  event.preventDefault();
}

function dragToPan() {
  let from = null, moved = false;
  gantt.svg.addEventListener("pointerdown", (e) => { from = { x: e.clientX, y: e.clientY, t0: gantt.view.t0, top: gantt.box.scrollTop }; moved = false; });
  addEventListener("pointermove", (e) => {
    if (!from) return;
    moved = moved || Math.abs(e.clientX - from.x) + Math.abs(e.clientY - from.y) > 4;
    if (!moved) return;
    gantt.box.scrollTop = from.top - (e.clientY - from.y);
    setView(from.t0 - ((e.clientX - from.x) / chart()) * span(), span());
  });
  addEventListener("pointerup", () => { from = null; });
  gantt.svg.addEventListener("click", (e) => {
    if (moved) return;
    const bar = e.target.closest("[data-bar]"), host = e.target.closest("[data-host]");
    if (bar) select(gantt.data.bars[+bar.dataset.bar], true);
    else if (host) toggleHost(+host.dataset.host);
  });
}

function toggleHost(host) {
  gantt.closed.has(host) ? gantt.closed.delete(host) : gantt.closed.add(host);
  layRows();
  draw();
}

function ticks() {
  const wanted = span() / Math.max(2, chart() / 110);
  const base = 10 ** Math.floor(Math.log10(wanted));
  let step = [1, 2, 5, 10].map((m) => m * base).find((v) => v >= wanted);
  if (wanted > 10) step = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].find((v) => v >= wanted) || step;
  const found = [];
  for (let k = Math.ceil(gantt.view.t0 / step); k * step <= gantt.view.t1; k++) found.push(k * step);
  return found;
}

function draw() {
  const width = gantt.box.clientWidth, height = gantt.box.clientHeight;
  if (!width || !height) return;
  const top = gantt.box.scrollTop, parts = [];
  const first = Math.max(0, Math.floor((top - ROW) / ROW)), last = Math.min(gantt.rows.length, Math.ceil((top + height) / ROW));
  for (let i = first; i < last; i++) if (gantt.rows[i].even || !gantt.rows[i].bars.length) parts.push(s("rect", { class: gantt.rows[i].even ? "stripe" : "head-row", x: 0, y: yOf(i), width, height: ROW }));
  const marks = ticks();
  for (const t of marks) parts.push(s("line", { class: "grid", x1: xOf(t), x2: xOf(t), y1: AXIS, y2: height }));
  const chartPart = s("svg", { x: GUTTER, y: 0, width: Math.max(1, width - GUTTER), height, viewBox: `${GUTTER} 0 ${Math.max(1, width - GUTTER)} ${height}` });
  drawPath(chartPart, height);
  for (let i = first; i < last; i++) for (const bar of gantt.rows[i].bars) if (bar.e >= gantt.view.t0 && bar.s <= gantt.view.t1) chartPart.append(drawBar(bar));
  parts.push(chartPart);
  for (let i = first; i < last; i++) parts.push(...rowLabel(gantt.rows[i], i, width));
  parts.push(s("rect", { class: "axis", x: 0, y: 0, width, height: AXIS }), s("line", { class: "grid", x1: 0, x2: width, y1: AXIS, y2: AXIS }));
  for (const t of marks) parts.push(s("text", { class: "soft", x: xOf(t), y: 17, "text-anchor": t === 0 ? "start" : "middle" }, clock(t)));
  gantt.svg.setAttribute("width", width);
  gantt.svg.setAttribute("height", height);
  gantt.svg.replaceChildren(...parts);
  const selected = gantt.selected;
  if (selected && $("bar-" + selected.n)) gantt.box.setAttribute("aria-activedescendant", "bar-" + selected.n);
  else gantt.box.removeAttribute("aria-activedescendant");
}

function rowLabel(row, i, width) {
  const y = yOf(i);
  if (row.bars.length === 0) {
    const text = (gantt.closed.has(row.host) ? "▸ " : "▾ ") + gantt.data.raw.hosts[row.host];
    return [s("g", { class: "host", "data-host": row.host }, s("rect", { x: 0, y, width, height: ROW }),
      s("text", { x: 10, y: y + 15 }, cut(text, GUTTER - 20)), s("text", { class: "soft", x: GUTTER, y: y + 15 }, row.count + (row.count === 1 ? " execution" : " executions")))];
  }
  const found = [], name = gantt.data.raw.comps[row.component][0];
  const room = row.label ? GUTTER * 0.5 : GUTTER - 30;
  if (row.first) found.push(s("text", { class: "name", x: 22, y: y + 15 }, cut(name, room - 22), s("title", {}, name)));
  if (row.label) found.push(s("text", { class: "soft", x: room + 8, y: y + 15 }, cut(row.label, GUTTER - room - 16), s("title", {}, row.label)));
  return found;
}

function drawBar(bar) {
  const x = Math.max(xOf(bar.s), GUTTER - 5), width = Math.max(2.5, Math.min(xOf(bar.e), gantt.box.clientWidth + 5) - x), y = yOf(bar.row) + 3;
  const status = bar.failed ? "failed after " : bar.open ? "running for " : "";
  const classes = ["bar", bar.crit && "crit", bar.failed && "fail", bar.open && "open", bar === gantt.selected && "sel"].filter(Boolean).join(" ");
  const says = `${bar.name} on ${gantt.data.raw.hosts[bar.host]}: ${status}${clock(bar.e - bar.s)}, from ${clock(bar.s)}${bar.crit ? ", on the critical path" : ""}`;
  const node = s("g", { class: classes, id: "bar-" + bar.n, "data-bar": bar.n, role: "option", "aria-selected": bar === gantt.selected, "aria-label": says },
    s("title", {}, says), s("rect", { x, y, width, height: ROW - 6, rx: 3 }));
  const words = (bar.failed ? "✗ " : "") + ($("packed").checked ? bar.t + " " : "") + clock(bar.e - bar.s);
  const inside = words.length * 6.6 + 10 < width;
  if (!inside && gantt.rows[bar.row].bars.length === 1) node.append(s("text", { class: "after", x: x + width + 5, y: y + 12 }, words));
  if (inside) node.append(s("text", { x: Math.max(x, GUTTER) + 6, y: y + 12 }, words));
  return node;
}

function drawPath(into, height) {
  const join = (from, to, css) => {
    if (!from || !to || from.row < 0 || to.row < 0) return;
    const x1 = xOf(from.e), x2 = xOf(to.s), y1 = yOf(from.row) + ROW / 2, y2 = yOf(to.row) + ROW / 2;
    if (Math.max(y1, y2) < 0 || Math.min(y1, y2) > height) return;
    const x = Math.max(x1, x2);
    into.append(s("path", { class: css, d: y1 === y2 ? `M${x1} ${y1}H${x2}` : `M${x1} ${y1}H${x}V${y2}H${x2}` }));
  };
  gantt.data.path.forEach((bar, i) => i && join(gantt.data.path[i - 1], bar, "path"));
  if (gantt.selected && gantt.selected.why && !gantt.selected.crit) join(gantt.selected.why, gantt.selected, "path why");
}

function select(bar, open) {
  gantt.selected = bar;
  if (bar && bar.row < 0) {
    gantt.closed.delete(bar.host);
    if (!gantt.shown.includes(bar)) { $("search").value = ""; $("only-critical").checked = $("only-failed").checked = false; }
    refilter();
  }
  if (open) showDetail(bar);
  if (bar) {
    const y = bar.row * ROW, box = gantt.box;
    if (y < box.scrollTop + ROW) box.scrollTop = y - ROW;
    else if (y > box.scrollTop + box.clientHeight - AXIS - 2 * ROW) box.scrollTop = y - box.clientHeight + AXIS + 3 * ROW;
    if (bar.s > gantt.view.t1 || bar.e < gantt.view.t0) setView(bar.s - span() * 0.3, span());
  }
  draw();
}

function move(list, by) {
  if (!list.length) return;
  const at = list.indexOf(gantt.selected);
  const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
  select(list[next], !$("detail").hidden);
}

function ganttKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const pan = (by) => setView(gantt.view.t0 + by * span(), span());
  const along = gantt.data.path.filter((b) => b.row >= 0);
  const keys = {
    ArrowDown: () => move(gantt.order, 1), ArrowUp: () => move(gantt.order, -1),
    ArrowRight: () => (event.shiftKey ? pan(0.2) : move(gantt.shown, 1)), ArrowLeft: () => (event.shiftKey ? pan(-0.2) : move(gantt.shown, -1)),
    Home: () => move(gantt.order, -gantt.order.length), End: () => move(gantt.order, gantt.order.length),
    PageDown: () => move(gantt.order, 20), PageUp: () => move(gantt.order, -20),
    n: () => move(along, 1), p: () => move(along, -1),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: fitAll,
    Enter: () => { if (gantt.selected) { showDetail(gantt.selected); $("detail").querySelector("button").focus(); } },
    " ": () => gantt.selected && showDetail(gantt.selected),
  };
  if (!keys[event.key]) return;
  keys[event.key]();
  event.preventDefault();
}

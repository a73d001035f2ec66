// Components with their tokens. Only those that have been in sight are in the document.
const plane = { scale: 1, made: new Map() };
const MANY_LINKS = 800;

function startPlane(data) {
  plane.data = data;
  plane.marks = data.raw.marks;
  plane.box = $("plane");
  const at = plane.marks.at, sizes = data.raw.comps.map((c) => data.raw.types[c[1]].shape);
  plane.width = Math.max(...at.map(([x], i) => x + sizes[i].w)) + 60;
  plane.height = Math.max(...at.map(([, y], i) => y + sizes[i].h)) + 30;
  plane.links = s("g");
  plane.boxes = s("g");
  const head = s("marker", { id: "head", viewBox: "0 0 8 8", refX: 12.5, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" }, s("path", { class: "head", d: "M0 0L8 4L0 8z" }));
  plane.svg = s("svg", { viewBox: `0 0 ${plane.width} ${plane.height}`, role: "img", "aria-label": "Components" }, s("defs", {}, head), plane.boxes, plane.links);
  plane.box.append(plane.svg);
  plane.box.addEventListener("scroll", reveal);
  plane.box.addEventListener("wheel", (e) => { if (e.ctrlKey || e.metaKey) { e.preventDefault(); scaleTo(plane.scale * Math.exp(-e.deltaY / 400)); } }, { passive: false });
  $("larger").addEventListener("click", () => scaleTo(plane.scale * 1.25));
  $("smaller").addEventListener("click", () => scaleTo(plane.scale / 1.25));
  $("whole").addEventListener("click", () => scaleTo(0));
}

function scaleTo(scale) {
  const box = plane.box;
  const whole = Math.min(1, box.clientWidth / plane.width, box.clientHeight / plane.height);
  plane.scale = Math.min(3, scale || Math.max(whole, 0.5));
  plane.svg.setAttribute("width", plane.width * plane.scale);
  plane.svg.setAttribute("height", plane.height * plane.scale);
  reveal();
}

function reveal() {
  const box = plane.box, k = plane.scale, edge = 150;
  const left = box.scrollLeft / k - edge, top = box.scrollTop / k - edge;
  const right = (box.scrollLeft + box.clientWidth) / k + edge, bottom = (box.scrollTop + box.clientHeight) / k + edge;
  plane.marks.at.forEach(([x, y], c) => {
    const shape = plane.data.raw.types[plane.data.raw.comps[c][1]].shape;
    if (!plane.made.has(c) && x < right && y < bottom && x + shape.w > left && y + shape.h > top) makeComponent(c);
  });
}

function bend(points) {
  let d = `M${points[0]} ${points[1]}`;
  for (let i = 2; i < points.length; i += 2) {
    const x0 = points[i - 2], y0 = points[i - 1], x = points[i], y = points[i + 1];
    d += x0 === x ? `V${y}` : `C${x0} ${(y0 + y) / 2} ${x} ${(y0 + y) / 2} ${x} ${y}`;
  }
  return d;
}

function makeComponent(c) {
  const [name, type, host] = plane.data.raw.comps[c], kind = plane.data.raw.types[type], shape = kind.shape;
  const [x, y] = plane.marks.at[c], lights = [];
  const title = `${name} : ${kind.name}  @${plane.data.raw.hosts[host]}`;
  const root = s("g", { class: "comp", transform: `translate(${x} ${y})` }, s("rect", { class: "box", width: shape.w, height: shape.h, rx: 9 }), s("text", { class: "title", x: 12, y: 17 }, title));
  const queue = s("text", { class: "queue", x: 12, y: 30 });
  root.append(queue);
  const light = (number, node, css) => (lights[number] = lights[number] || []).push([node, css]);
  light(0, root, "here");
  for (const [label, gx, gy, w, hh] of shape.groups) root.append(s("rect", { class: "group", x: gx, y: gy, width: w, height: hh, rx: 10 }), s("text", { class: "group-name", x: gx + 4, y: gy - 3 }, label));
  for (const [side, edge] of [["uses", 0], ["provides", shape.w]]) for (const port of shape[side]) for (let i = 0; i < port[3].length; i += 2) root.append(s("line", { class: "dots", x1: edge, y1: port[2], x2: port[3][i], y2: port[3][i + 1] }));
  const P = shape.places.length, T = shape.trans.length;
  shape.trans.forEach(([label, points, lx, ly], i) => {
    const wide = label.length * 6.4 + 10, n = points.length;
    const g = s("g", {}, s("path", { class: "wire", d: bend(points), "marker-end": "url(#head)" }), s("rect", { class: "label", x: lx - wide / 2, y: ly - 8, width: wide, height: 16, rx: 5 }), s("text", { x: lx, y: ly + 4, "text-anchor": "middle" }, label));
    const dock = (k) => s("rect", { class: "dock", x: points[k] - 3.5, y: points[k + 1] - 3.5, width: 7, height: 7 });
    const out = dock(0), into = dock(n - 2);
    root.append(g, out, into);
    light(1 + P + i, out, "on");
    light(1 + P + T + i, g, "running");
    light(1 + P + 2 * T + i, g, "failed");
    light(1 + P + 3 * T + i, into, "on");
  });
  for (const [label, sx, sy, w, left] of shape.stations) {
    const beside = left ? { x: sx - 5, "text-anchor": "end" } : { x: sx + w + 5 };
    root.append(s("rect", { class: "station", x: sx - 1, y: sy - 7, width: w + 2, height: 14, rx: 4 }), s("text", { class: "station-name", y: sy + 3, ...beside }, label));
  }
  shape.places.forEach(([label, px, py, w, initial], i) => {
    const pill = s("rect", { class: "place", x: px - w / 2, y: py - 11, width: w, height: 22, rx: 11 });
    root.append(pill, s("text", { x: px, y: py + 4, "text-anchor": "middle" }, label));
    if (initial) root.append(s("rect", { class: "ring", x: px - w / 2 - 3, y: py - 14, width: w + 6, height: 28, rx: 14 }));
    light(1 + i, pill, "on");
  });
  const base = 1 + P + 4 * T;
  shape.provides.forEach(([label, sort, py], i) => {
    const dot = s("circle", { class: "provide " + sort, cx: shape.w + 13, cy: py, r: 5 });
    root.append(s("line", { class: "stem", x1: shape.w, x2: shape.w + 8, y1: py, y2: py }), dot, s("text", { class: "port-name", x: shape.w - 5, y: py - 4, "text-anchor": "end" }, label));
    light(base + i, dot, "on");
  });
  shape.uses.forEach(([label, sort, py], i) => {
    const dot = s("circle", { class: "use " + sort, cx: -13, cy: py, r: 3.5 });
    root.append(s("line", { class: "stem", x1: -7, x2: 0, y1: py, y2: py }), s("path", { class: "socket", d: `M-13 ${py - 6}A6 6 0 0 1 -13 ${py + 6}` }), dot, s("text", { class: "port-name", x: 5, y: py - 4 }, label));
    light(base + shape.provides.length + i, dot, "on");
  });
  plane.boxes.append(root);
  plane.made.set(c, { root, queue, lights });
  paint(c);
}

function paint(c) {
  const made = plane.made.get(c);
  if (!made) return;
  const on = stepper.on[c];
  made.lights.forEach((nodes, number) => nodes.forEach(([node, css]) => node.classList.toggle(css, on.has(number))));
  made.root.classList.toggle("gone", !on.has(0));
  made.queue.textContent = stepper.queue[c] ? "▸ " + stepper.queue[c] : "";
}

function linkPath([user, use, provider, provide]) {
  const shapes = (c) => plane.data.raw.types[plane.data.raw.comps[c][1]].shape;
  const [ux, uy] = plane.marks.at[user], [px, py] = plane.marks.at[provider];
  const x1 = px + shapes(provider).w + 18, y1 = py + shapes(provider).provides[provide][2], x2 = ux - 13, y2 = uy + shapes(user).uses[use][2];
  const pull = Math.max(30, Math.min(Math.abs(x2 - x1) / 2, 160));
  return `M${x1} ${y1}C${x1 + pull} ${y1} ${x2 - pull} ${y2} ${x2} ${y2}`;
}

function paintLinks(component) {
  const links = plane.marks.links, few = links.length <= MANY_LINKS;
  if (few && plane.drawn === undefined) {
    plane.drawn = links.map((link) => s("path", { class: "link " + sortOf(link), d: linkPath(link) }));
    plane.links.append(...plane.drawn);
  }
  if (!few) {
    const near = links.flatMap((link, i) => (link[0] === component || link[2] === component ? [i] : [])).slice(0, MANY_LINKS);
    plane.links.replaceChildren();
    plane.drawn = [];
    for (const i of near) plane.links.append((plane.drawn[i] = s("path", { class: "link " + sortOf(links[i]), d: linkPath(links[i]) })));
  }
  plane.drawn.forEach((node, i) => {
    const [, , provider, provide] = links[i], shape = plane.data.raw.types[plane.data.raw.comps[provider][1]].shape;
    node.classList.toggle("cut", !stepper.linked.has(i));
    node.classList.toggle("on", stepper.on[provider].has(1 + shape.places.length + 4 * shape.trans.length + provide));
  });
}

const sortOf = ([, , provider, provide]) => plane.data.raw.types[plane.data.raw.comps[provider][1]].shape.provides[provide][1];

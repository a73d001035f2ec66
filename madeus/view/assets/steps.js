// Going through the events one by one. A change flips marks, so the same change leads forward and back.
const LINE = 22;
const stepper = { at: 0, ready: false };

function startSteps(data) {
  const marks = data.raw.marks;
  stepper.data = data;
  stepper.marks = marks;
  stepper.limit = marks ? marks.steps.length : 0;
  stepper.ready = Boolean(marks);
  $("tab-steps").disabled = !marks;
  if (!marks) return;
  stepper.on = marks.init.map((numbers) => new Set(numbers));
  stepper.queue = [...marks.queues];
  stepper.linked = new Set(Array(marks.linked).keys());
  stepper.relinks = new Map();
  for (const [event, link] of marks.relinks) stepper.relinks.has(event) ? stepper.relinks.get(event).push(link) : stepper.relinks.set(event, [link]);
  stepper.more = new Map();
  for (const [event, component, change] of marks.more) stepper.more.has(event) ? stepper.more.get(event).push([component, change]) : stepper.more.set(event, [[component, change]]);
  $("slider").max = stepper.limit;
  $("first").addEventListener("click", () => go(0));
  $("back").addEventListener("click", () => go(stepper.at - 1));
  $("forward").addEventListener("click", () => go(stepper.at + 1));
  $("last").addEventListener("click", () => go(stepper.limit));
  $("slider").addEventListener("input", () => go(+$("slider").value));
  stepper.list = $("events");
  stepper.spacer = h("div");
  stepper.list.append(stepper.spacer);
  stepper.spacer.style.height = (data.events.length + 1) * LINE + "px";
  stepper.list.addEventListener("scroll", listEvents);
  stepper.list.addEventListener("click", (e) => { const line = e.target.closest("[data-at]"); if (line) go(+line.dataset.at); });
  startPlane(data);
}

// The components that an event changes, each with the number of the change: its own, and those that it takes back or pushes to.
function changed(index) {
  return [[stepper.data.events[index].c, stepper.marks.steps[index]], ...(stepper.more.get(index) || [])].filter(([component]) => component >= 0);
}

function flip(index, which, touched) {
  for (const link of stepper.relinks.get(index) || []) stepper.linked.delete(link) || stepper.linked.add(link);
  for (const [component, number] of changed(index)) {
    const on = stepper.on[component], change = stepper.marks.changes[number];
    for (const mark of change[0]) on.delete(mark) || on.add(mark);
    if (change.length > 1) stepper.queue[component] = change[which];
    touched.add(component);
  }
}

function go(to) {
  to = Math.min(Math.max(to, 0), stepper.limit);
  const touched = new Set(), lines = stepper.data.events;
  while (stepper.at < to) { flip(stepper.at, 2, touched); stepper.at++; }
  while (stepper.at > to) { stepper.at--; flip(stepper.at, 1, touched); }
  touched.forEach(paint);
  const event = to > 0 ? lines[to - 1] : null, component = event ? event.c : -1;
  plane.made.forEach((made, c) => made.root.classList.toggle("now", c === component));
  paintLinks(component);
  if ($("follow").checked && component >= 0) bringToSight(component);
  $("slider").value = to;
  $("where").textContent = `step ${to} of ${stepper.limit}` + (event ? ", " + clock(event.t) : "");
  $("first").disabled = $("back").disabled = to === 0;
  $("last").disabled = $("forward").disabled = to === stepper.limit;
  const y = to * LINE;
  if (y < stepper.list.scrollTop || y > stepper.list.scrollTop + stepper.list.clientHeight - 2 * LINE) stepper.list.scrollTop = y - stepper.list.clientHeight / 2;
  listEvents();
}

function bringToSight(component) {
  const [x, y] = plane.marks.at[component], k = plane.scale, box = plane.box;
  const shape = stepper.data.raw.types[stepper.data.raw.comps[component][1]].shape;
  const hidden = x * k < box.scrollLeft || y * k < box.scrollTop || (x + shape.w) * k > box.scrollLeft + box.clientWidth || (y + shape.h) * k > box.scrollTop + box.clientHeight;
  if (hidden) box.scrollTo((x + shape.w / 2) * k - box.clientWidth / 2, (y + shape.h / 2) * k - box.clientHeight / 2);
  reveal();
  const made = plane.made.get(component);
  if (made) made.root.classList.add("now");
}

function sentence(event) {
  if (event.k === "p" || event.k === "k") return event.e;
  const station = stepper.data.raw.stations[event.i];
  return `${KINDS[event.k]} ${stepper.data.raw.comps[event.c][0]}.${event.e}` + (station ? " by " + station : "");
}

function listEvents() {
  const list = stepper.list, first = Math.max(0, Math.floor(list.scrollTop / LINE) - 2);
  const last = Math.min(stepper.data.events.length, first + Math.ceil(list.clientHeight / LINE) + 4);
  const lines = [];
  for (let at = first; at <= last; at++) {
    const event = at ? stepper.data.events[at - 1] : null;
    const css = "e" + (at === stepper.at ? " now" : at > stepper.at ? " future" : "");
    const line = h("div", { class: css, id: "at-" + at, "data-at": at, role: "option", "aria-selected": at === stepper.at }, h("span", {}, event ? clock(event.t) : ""), event ? sentence(event) : "start");
    line.style.top = at * LINE + "px";
    lines.push(line);
  }
  list.replaceChildren(stepper.spacer, ...lines);
  list.setAttribute("aria-activedescendant", "at-" + stepper.at);
}

function stepKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.tagName === "INPUT") return;
  const keys = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity };
  if (!(event.key in keys)) return;
  go(stepper.at + keys[event.key]);
  event.preventDefault();
}

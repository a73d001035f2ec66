// What one execution did: its actions, what they printed and how they ended.
function showDetail(bar) {
  const panel = $("detail"), data = gantt.data;
  panel.hidden = !bar;
  draw();
  if (!bar) return gantt.box.focus();
  const close = h("button", { class: "close", "aria-label": "Close" }, "✕");
  close.addEventListener("click", () => showDetail(null));
  const facts = h("dl");
  const fact = (name, ...value) => facts.append(h("dt", {}, name), h("dd", {}, ...value));
  const component = data.raw.comps[bar.c];
  if (component[1] >= 0) fact("type", data.raw.types[component[1]].name);
  fact("host", data.raw.hosts[bar.host]);
  fact("result", bar.failed ? h("span", { class: "bad" }, "failed") : bar.open ? "still running where the trace stops" : "done");
  fact("time", clock(bar.e - bar.s) + ", from " + clock(bar.s) + (bar.open ? "" : " to " + clock(bar.e)));
  if (bar.crit) fact("critical path", `${data.path.indexOf(bar) + 1} of ${data.path.length}`);
  fact("started by", bar.why ? jump(bar.why.name, () => select(bar.why, true)) : startedBy(bar));
  if (stepper.ready) fact("marking", jump("show at this moment", () => { showTab("steps"); go(bar.fired + 1); }));
  panel.replaceChildren(close, h("h2", {}, bar.name), facts, ...(bar.detail ? bar.detail[1].map(actionNode) : []));
  panel.scrollTop = 0;
}

function startedBy(bar) {
  const cause = gantt.data.events[bar.fired].cause;
  for (let i = cause; i >= 0; i = gantt.data.events[i].cause) if (gantt.data.events[i].k === "p") return gantt.data.events[i].e;
  return "the start";
}

function jump(text, action) {
  const button = h("button", {}, text);
  button.addEventListener("click", action);
  return button;
}

function actionNode([description, exit, out, err, seconds, attempt, error]) {
  const bad = exit !== null && exit !== 0;
  const line = h("small", {}, h("span", { class: bad ? "bad" : "" }, exit === null ? "no exit code" : "exit code " + exit), " · " + clock(seconds) + (attempt > 1 ? " · attempt " + attempt : ""));
  const node = h("div", { class: "action" }, h("b", {}, description), line);
  if (error) node.append(h("small", { class: "bad" }, error));
  if (out) node.append(h("pre", { tabindex: 0, "aria-label": "standard output" }, out));
  if (err) node.append(h("pre", { class: "err", tabindex: 0, "aria-label": "standard error" }, err));
  if (!out && !err) node.append(h("small", {}, "no output"));
  return node;
}

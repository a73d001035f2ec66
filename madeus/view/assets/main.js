// Opening the page: header, tabs, theme, keys that hold everywhere.
function showTab(name) {
  if (name === "steps" && !stepper.ready) return;
  for (const tab of ["timeline", "steps"]) {
    $(tab).hidden = tab !== name;
    $("tab-" + tab).setAttribute("aria-selected", tab === name);
  }
  if (name === "steps") {
    showDetail(null);
    if (!plane.opened) { plane.opened = true; scaleTo(0); }
    reveal();
    go(stepper.at);
  } else draw();
}

function showStats(data) {
  const stat = (value, words) => h("span", {}, h("b", {}, String(value)), " " + words);
  const failed = data.bars.filter((b) => b.failed).length;
  const parts = [stat(clock(data.end), "in all"), stat(data.bars.length, "executions"), stat(data.path.length, "on the critical path"), stat(data.raw.comps.length, "components"), stat(data.raw.hosts.length, data.raw.hosts.length === 1 ? "host" : "hosts")];
  if (failed) parts.push(stat(failed, "failed"));
  $("stats").append(...parts.flatMap((part, i) => (i ? [" · ", part] : [part])));
}

function showBanner(data) {
  const lines = data.raw.banner ? [...data.raw.banner[1]] : [];
  const problem = data.raw.marks && data.raw.marks.problem;
  if (problem) lines.push("The markings end before the trace does: " + problem);
  if (!data.raw.banner && !problem) return;
  $("banner").append(h("b", {}, data.raw.banner ? data.raw.banner[0] : "This trace is not one the model allows"));
  if (lines.length) $("banner").append(h("ul", {}, ...lines.map((line) => h("li", {}, line))));
  $("banner").classList.toggle("note", Boolean(data.raw.banner && data.raw.banner[2]));
  $("banner").hidden = false;
}

function anyKey(event) {
  if (event.key === "/" && event.target.tagName !== "INPUT") {
    showTab("timeline");
    $("search").focus();
    event.preventDefault();
  } else if (event.key === "Escape" && !$("detail").hidden) showDetail(null);
  else if (!$("steps").hidden) stepKey(event);
}

async function open() {
  const root = document.documentElement;
  root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  $("theme").addEventListener("click", () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; });
  if (typeof DecompressionStream === "undefined") {
    $("stats").textContent = "This browser is too old for this page (it has no DecompressionStream).";
    return;
  }
  const data = decode(await unpack());
  showStats(data);
  showBanner(data);
  startSteps(data);
  startGantt(data);
  for (const tab of ["timeline", "steps"]) $("tab-" + tab).addEventListener("click", () => showTab(tab));
  addEventListener("keydown", anyKey);
  const step = /^#step=(\d+)$/.exec(location.hash);
  if (stepper.ready && (step || location.hash === "#steps" || (data.raw.steps_first && !location.hash))) {
    stepper.at = 0;
    showTab("steps");
    go(step ? +step[1] : data.raw.banner ? stepper.limit : 0);
  }
  root.dataset.ready = "yes";
}
open();

"use strict";
// Reading what the page carries, and small things every part needs. Text enters the document as text nodes only.
const NS = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

function make(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) if (value !== undefined && value !== false) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const s = (tag, attributes, ...children) => make(document.createElementNS(NS, tag), attributes, children);
const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);

async function unpack() {
  const packed = Uint8Array.from(atob($("data").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const KINDS = { l: "leave", f: "fire", e: "end", x: "fail", r: "retry", b: "recover", n: "enter", d: "finish", p: "program", k: "rollback" };

function decode(raw) {
  const ev = raw.ev;
  let time = 0;
  const events = ev.t.map((delta, i) => ({
    i, t: (time += delta) / 1e6, k: ev.k[i], c: ev.c[i], e: raw.names[ev.e[i]], cause: ev.x[i] ? i - ev.x[i] : -1,
  }));
  const end = events.length ? events[events.length - 1].t : 0;
  const critical = new Set();
  for (let i = events.length - 1; i >= 0; i = events[i].cause) critical.add(i);
  const bars = [], running = new Map(), ended = new Map();
  for (const event of events) {
    const key = event.c + "/" + event.e;
    if (event.k === "f" || event.k === "r") {
      const component = raw.comps[event.c];
      const detail = raw.details[event.i];
      const bar = { n: bars.length, c: event.c, t: event.e, s: event.t, e: end, open: true, fired: event.i, ended: -1,
        name: component[0] + "." + event.e, host: component[2], detail };
      bars.push(bar);
      running.set(key, bar);
    } else if ((event.k === "e" || event.k === "x") && running.has(key)) {
      const bar = running.get(key);
      running.delete(key);
      Object.assign(bar, { e: event.t, open: false, failed: event.k === "x", ended: event.i, crit: critical.has(event.i) });
      ended.set(event.i, bar);
    }
  }
  for (const bar of bars) {
    let i = events[bar.fired].cause;
    while (i >= 0 && !ended.has(i)) i = events[i].cause;
    bar.why = i >= 0 ? ended.get(i) : null;
  }
  return { raw, events, bars, end, path: bars.filter((b) => b.crit) };
}

const two = (n) => String(n).padStart(2, "0");
function clock(seconds) {
  if (seconds < 0.9995) return seconds === 0 ? "0 s" : +(seconds * 1000).toPrecision(3) + " ms";
  if (seconds < 60) return +seconds.toFixed(seconds < 10 ? 2 : 1) + " s";
  const whole = Math.round(seconds);
  if (whole < 3600) return Math.floor(whole / 60) + " min " + two(whole % 60) + " s";
  return Math.floor(whole / 3600) + " h " + two(Math.floor(whole / 60) % 60) + " min";
}
const cut = (text, width, each = 6.9) => (text.length * each <= width ? text : text.slice(0, Math.max(1, Math.floor(width / each) - 1)) + "…");

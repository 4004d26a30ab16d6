"use strict";
// The page of the board. It opens one event stream, keeps the readings by KPI and group,
// and writes them into the elements; every number shown is also there raw, in data-value.

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const lang = root.lang;
const texts = JSON.parse($("texts").textContent);
const say = (key, fill = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, k) => fill[k]);

const locale = { en: "en-GB", zh: "zh-CN", fa: "fa-IR" }[lang] ?? lang;
const integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium", hourCycle: "h23" });
const byName = new Intl.Collator(locale, { numeric: true }).compare;

const silence = 10_000; // ms without an event until numbers are taken off the board
const past = 10_000; // ms of age from which readings are said not to be of now
const url = new URL(location.href);
const asked = (name) => url.searchParams.get(name) ?? "";

let source = null;
let retry = 0; // failed attempts since the last event
let heard = performance.now(); // when the last event came
let heardAt = Date.now();
let skew = 0; // this clock less the board's, ms
let head = null; // the newest event without its readings
let readings = new Map();

// A number as people read it, in the unit of the catalogue.
const scales = { minutes: 1 / 60, hours: 1 / 3600, "%": 100, "‰": 1000 };
function scaled(shown, value) {
  const n = value * (scales[shown] ?? 1);
  return Math.abs(n) >= 1000 || shown === "count" && Number.isInteger(n) ? integer.format(n) : oneDigit.format(n);
}

function open() {
  source?.close();
  const query = new URLSearchParams();
  for (const name of ["tenant", "window"]) if (asked(name)) query.set(name, asked(name));
  query.set("by", url.searchParams.has("by") ? asked("by") : "team");
  source = new EventSource("api/v1/stream?" + query);
  source.addEventListener("state", (e) => receive(JSON.parse(e.data), true));
  source.addEventListener("change", (e) => receive(JSON.parse(e.data), false));
  source.onerror = () => {
    // The browser reconnects by itself, except after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(open, Math.min(30_000, 1000 * 2 ** retry++) * (0.5 + Math.random()));
    }
    tick();
  };
}

function receive(event, whole) {
  // After an upgrade; not at once, so that a cache in between cannot make it spin.
  if (event.build && event.build !== root.dataset.build && performance.now() > silence) return void location.reload();
  retry = 0;
  heard = performance.now();
  heardAt = Date.now();
  skew = heardAt - Date.parse(event.now);
  if (whole) readings = new Map();
  for (const r of event.readings) readings.set(key(r.kpi, r.by), r);
  for (const g of event.gone ?? []) readings.delete(key(g.kpi, g.by));
  head = whole ? event : { ...head, ...event };
  if (whole) pickers();
  draw();
}

// The group as a string that does not depend on the order of its fields.
const groupKey = (by) => JSON.stringify(Object.entries(by ?? {}).sort());
const key = (kpi, by) => kpi + " " + groupKey(by);

const periods = { day: "today", week: "week", month: "month", quarter: "quarter", year: "year" };
function windowName(w) {
  if (!w || w === "all") return say("all");
  if (w in periods) return say(periods[w]);
  const unit = { s: "second", m: "minute", h: "hour", d: "day" }[w.at(-1)];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(parseInt(w, 10));
}
// In English one says "last hour", not "last 1 hour".
const span = (w) => w === "all" || w in periods ? windowName(w) : say("last", { window: lang === "en" ? windowName(w).replace(/^1 /, "") : windowName(w) });
const dimension = (d) => say(d === "state" ? "dim_state" : d);
const byTitle = (by) => by === "" ? say("whole") : by.split(",").map(dimension).join(" · ");

function pickers() {
  const options = (id, values, now, title) => {
    const all = values.includes(now) || now === "" && id !== "by" ? values : [...values, now];
    $(id).replaceChildren(...all.map((v) => new Option(title(v), v, false, v === now)));
    $(id).disabled = all.length === 0;
  };
  options("tenant", head.tenants ?? [], head.tenant, (t) => t);
  options("window", head.windows ?? [], head.window, windowName);
  options("by", (head.groupings ?? []).filter((g) => g !== ""), head.by, byTitle);
}

function pick(name) {
  return (e) => {
    url.searchParams.set(name, e.target.value);
    history.replaceState(null, "", url);
    links();
    open();
  };
}

// The links to the other languages keep what was picked.
function links() {
  for (const a of document.querySelectorAll("a[data-lang]")) {
    const to = new URL(url);
    to.searchParams.set("lang", a.dataset.lang);
    a.href = to.search;
  }
}

// Where the board stands: connecting, waiting, live, past, reconnecting or lost. Readings
// of the past come from workers that replay a log; those that fall silent send none.
function standing() {
  const quiet = performance.now() - heard;
  if (quiet > silence) return "lost";
  if (source.readyState !== EventSource.OPEN) return head ? "reconnecting" : "connecting";
  if (!head?.at) return head ? "waiting" : "connecting";
  return age() > past ? "past" : "live";
}

const age = () => Math.max(0, Date.now() - skew - Date.parse(head.at));

function ageText(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 120) return say("second", { n: integer.format(s) });
  if (s < 7200) return say("minute", { n: integer.format(Math.floor(s / 60)) });
  if (s < 172800) return say("hour", { n: integer.format(Math.floor(s / 3600)) });
  return say("day", { n: integer.format(Math.floor(s / 86400)) });
}

// Setting text only where it differs keeps screen readers quiet and the browser idle.
function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

function warn(now) {
  const silent = head?.partitions?.silent ?? [];
  const lines = [];
  if (now === "lost") lines.push(say("lost", { time: clock.format(heardAt) }));
  if (now === "past") lines.push(say("past", { time: moment.format(Date.parse(head.at)) }));
  if (now !== "lost" && silent.length > 0) {
    const since = Math.min(...silent.map((s) => Date.parse(s.since)));
    lines.push(say("silent", { n: integer.format(silent.length), total: integer.format(head.partitions.total), time: clock.format(since + skew) }));
  }
  setText($("warning"), lines.join(" "));
  $("warning").hidden = lines.length === 0;
}

let shown = ""; // the standing that was drawn last

function tick() {
  const now = standing();
  root.dataset.state = now === "waiting" ? "connecting" : now;
  setText($("state"), say(now === "lost" ? "reconnecting" : now === "past" ? "replay" : now));
  setText($("age"), head?.at ? ageText(age()) : "–");
  warn(now);
  const turned = (now === "lost") !== (shown === "lost");
  shown = now;
  if (turned) draw();
  // A connection that is half open says nothing; begin anew.
  if (now === "lost" && source.readyState !== EventSource.CLOSED && performance.now() - heard > 3 * silence) {
    heard = performance.now() - silence - 1;
    open();
  }
}

// What stands beneath a number: both parts of a ratio, the shape of a distribution, the
// parts of an index, who is the slowest, and how much of a cohort is undecided.
function parts(tile, r, brief) {
  if (!r) return [];
  const out = [];
  const q = (name) => [name, r.quantiles?.[name] == null ? "–" : scaled(tile.shown, r.quantiles[name])];
  switch (tile.formula) {
    case "ratio":
    case "share":
      if (r.numerator != null && r.denominator != null) out.push(["", say("of", { a: amount(r.numerator), b: amount(r.denominator) })]);
      break;
    case "distribution": {
      const count = [say("count"), integer.format(r.count ?? 0)];
      if (brief) return r.count > 0 ? [q("p95"), count] : [count];
      return [[say("mean"), r.value == null ? "–" : scaled(tile.shown, r.value)], q("p50"), q("p95"), count];
    }
    case "index":
      for (const p of r.parts ?? []) if (p.value != null) out.push([p.name, oneDigit.format(p.value)]);
      break;
    case "slowest":
      if (r.slowest) out.push(["", r.slowest]);
  }
  if (r.immature > 0) out.push(["", say("immature", { n: integer.format(r.immature) })]);
  return out;
}

const amount = (n) => Number.isInteger(n) || Math.abs(n) >= 100 ? integer.format(n) : oneDigit.format(n);

function fill(el, tile, r, brief) {
  const value = r?.value;
  const data = {
    value: value ?? "", at: head?.at ?? "", numerator: r?.numerator, denominator: r?.denominator, count: r?.count,
    p50: r?.quantiles?.p50, p95: r?.quantiles?.p95, stale: staleness(),
  };
  for (const [name, v] of Object.entries(data)) {
    if (v == null) delete el.dataset[name];
    else if (el.dataset[name] !== String(v)) el.dataset[name] = v;
  }
  setText(el.querySelector(".number"), value == null ? "–" : scaled(tile.shown, value));
  const box = el.querySelector(".parts");
  const pieces = parts(tile, r, brief);
  if (box.dataset.drawn === JSON.stringify(pieces)) return;
  box.dataset.drawn = JSON.stringify(pieces);
  box.replaceChildren(...pieces.map(([name, text]) => {
    const piece = document.createElement("span"), label = document.createElement("span"), number = document.createElement("bdi");
    label.textContent = name ? name + " " : "";
    number.textContent = text;
    piece.append(label, number);
    return piece;
  }));
}

// Whether numbers are whole (""), lack partitions, or are not to be shown at all.
function staleness() {
  if (standing() === "lost") return "all";
  return head?.partitions?.silent?.length > 0 ? "partial" : "";
}

// Every KPI has one element: a tile, or a row of the table of all.
const tiles = [...document.querySelectorAll('[data-scope="tenant"]')].map((el) => ({
  el, kpi: el.dataset.kpi, type: el.dataset.type, formula: el.dataset.formula, shown: el.dataset.shown,
  large: el.matches(".tile"), name: el.querySelector(".name").textContent, unit: el.querySelector(".unit").textContent,
}));
let columns = []; // of the breakdown: tiles
const cells = new Map(); // rows of the table by group

function draw() {
  const stale = staleness() === "all";
  const get = (kpi, by) => stale ? undefined : readings.get(key(kpi, by));
  for (const tile of tiles) {
    const r = get(tile.kpi, {});
    fill(tile.el, tile, r, !tile.large);
    setText(tile.el.querySelector(".window"), r?.window ? span(r.window) : "");
    if (tile.large) tile.el.querySelector(".scope").dataset.partial = say("partial");
  }
  table(get);
  tick();
  speak();
}

function table(get) {
  setText($("group"), byTitle(head?.by ?? ""));
  const groups = new Map();
  const kpis = new Set();
  for (const r of readings.values()) {
    if (Object.keys(r.by ?? {}).length === 0) continue;
    groups.set(groupKey(r.by), r.by);
    kpis.add(r.kpi);
  }
  choose(tiles.filter((t) => kpis.has(t.kpi)));
  for (const [k, tr] of cells) if (!groups.has(k)) { tr.remove(); cells.delete(k); }
  for (const [k, by] of groups) if (!cells.has(k)) cells.set(k, newRow(by));
  if (groups.size === 0) return void ($("rows").querySelector(".empty")?.removeAttribute("hidden"));
  $("rows").querySelector(".empty")?.setAttribute("hidden", "");
  const title = (k) => cells.get(k).dataset.name;
  // A group without a name comes last.
  const blank = (k) => Object.values(groups.get(k)).every((v) => v === "") ? 1 : 0;
  const sorted = [...groups.keys()].sort((a, b) => blank(a) - blank(b) || byName(title(a), title(b)));
  sorted.forEach((k, i) => {
    const tr = cells.get(k);
    if ($("rows").children[i] !== tr) $("rows").insertBefore(tr, $("rows").children[i] ?? null);
    columns.forEach((tile, j) => fill(tr.children[j + 1], tile, get(tile.kpi, groups.get(k)), true));
  });
}

// The columns differ from breakdown to breakdown; rows are made anew with them.
function choose(now) {
  if (now.map((t) => t.kpi).join() === columns.map((t) => t.kpi).join()) return;
  columns = now;
  for (const tr of cells.values()) tr.remove();
  cells.clear();
  $("columns").replaceChildren($("group"), ...columns.map((tile) => {
    const th = Object.assign(document.createElement("th"), { scope: "col", textContent: tile.name + " " });
    th.append(Object.assign(document.createElement("small"), { textContent: tile.unit }));
    th.dataset.kpi = tile.kpi;
    return th;
  }));
}

function newRow(by) {
  const tr = document.createElement("tr"), th = document.createElement("th");
  const dims = (head?.by ?? "").split(",").filter((d) => d in by);
  tr.dataset.name = dims.map((d) => by[d] || say("none")).join(" · ");
  th.scope = "row";
  th.append(Object.assign(document.createElement("bdi"), { textContent: tr.dataset.name }));
  tr.append(th);
  for (const tile of columns) {
    const td = document.createElement("td");
    td.innerHTML = '<div><bdi class="number"></bdi><span class="parts"></span></div>';
    td.dataset.kpi = tile.kpi;
    for (const d of dims) td.dataset[d] = by[d];
    tr.append(td);
  }
  for (const d of dims) tr.dataset[d] = by[d];
  return tr;
}

// A screen reader hears the three headlines at most once a minute, not at each change.
let spoke = -Infinity;
function speak() {
  if (standing() !== "live" || performance.now() - spoke < 60_000) return;
  spoke = performance.now();
  setText($("spoken"), tiles.filter((t) => t.large).map((t) => `${t.name}: ${t.el.querySelector(".value").textContent.trim()}`).join(". "));
}

for (const name of ["tenant", "window", "by"]) $(name).addEventListener("change", pick(name));
links();
open();
tick();
setInterval(tick, 500);

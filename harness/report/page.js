// What the page does: themes, sorting, filtering, bringing a series forward, opening episodes.

const VERDICTS = ["error", "unparsable", "infeasible", "valid"];
const PAGE = 25;
const loaded = new Map();

async function inflate(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
function load(id) {
  if (!loaded.has(id)) loaded.set(id, inflate(id));
  return loaded.get(id);
}

// Theme -------------------------------------------------------------------------------------

function themes() {
  const button = document.getElementById("theme");
  const names = ["auto", "light", "dark"];
  const kept = () => { try { return localStorage.getItem("makespan-theme"); } catch { return null; } };
  const keep = (name) => { try { localStorage.setItem("makespan-theme", name); } catch { /* a page that may not keep anything */ } };
  let now = names.includes(kept()) ? kept() : "auto";
  const show = () => {
    if (now === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = now;
    button.textContent = `◐ ${now}`;
    button.setAttribute("aria-label", `Theme: ${now === "auto" ? "as the system" : now}`);
  };
  button.addEventListener("click", () => {
    now = names[(names.indexOf(now) + 1) % names.length];
    keep(now);
    show();
  });
  show();
}

// Boards ------------------------------------------------------------------------------------

// The value a column is sorted by: a number where the cell has one, else its text.
function sortable(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  if (value === undefined) return cell.textContent.trim();
  return value === "" ? null : isNaN(value) ? value : Number(value);
}

function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null); // nothing known comes last
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return down ? -order : order;
}

function board(section) {
  const table = section.querySelector(".board");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const input = section.querySelector(".board-filter");
  const boxes = [...section.querySelectorAll(".kinds input")];
  const close = () => body.querySelectorAll(".more").forEach((more) => more.previousSibling.querySelector(".rowlink").click());
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const span = head.querySelector(".head");
    const button = el("button", { type: "button", class: "head" }, span.textContent);
    span.replaceWith(button);
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("num");
      const down = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
      close();
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => compare(sortable(a, column), sortable(b, column), down));
      body.append(...rows);
    });
  });
  const filter = () => {
    close();
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(kinds.has(row.dataset.kind) && words.every((word) => text.includes(word)));
      shown += !row.hidden;
    }
    section.querySelector(".shown").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  input.addEventListener("input", filter);
  boxes.forEach((box) => box.addEventListener("change", filter));
  rows.forEach(openable);
  filter();
}

// The model's name opens all numbers of its row.
function openable(row) {
  const text = row.querySelector("th .text");
  const button = el("button", { type: "button", class: "rowlink text", "aria-expanded": "false", title: "All numbers of this row" }, text.textContent);
  text.replaceWith(button);
  button.addEventListener("click", async () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) { row.nextSibling.remove(); return; }
    const more = el("tr", { class: "more" }, el("td", { colspan: row.cells.length }));
    row.after(more);
    const { rows } = await load("index");
    more.firstChild.append(allNumbers(rows[Number(row.dataset.row)]));
  });
}

function allNumbers(row) {
  const told = (e) => e.value === null ? e.note || "unknown"
    : e.low === null || e.high === null ? `${plain(e.value)} ${e.note ? `(${e.note})` : ""}`
    : `${plain(e.value)} (${plain(e.low)} to ${plain(e.high)})`;
  const lines = Object.entries(row.metrics).map(([name, estimate]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, told(estimate))));
  return lines.length ? el("dl", { class: "metrics" }, ...lines) : el("p", {}, "No episode has a grade.");
}

function legend(section) {
  const buttons = [...section.querySelectorAll(".legend button")];
  const chosen = new Set();
  const show = (over) => {
    const shown = new Set([...chosen, ...(over === undefined ? [] : [over])]);
    section.querySelector(".figures").classList.toggle("chosen", shown.size > 0);
    for (const g of section.querySelectorAll(".figures .series")) g.classList.toggle("on", shown.has(g.dataset.series));
  };
  for (const button of buttons) {
    const { series } = button.dataset;
    button.addEventListener("click", () => {
      if (!chosen.delete(series)) chosen.add(series);
      button.setAttribute("aria-pressed", String(chosen.has(series)));
      show();
    });
    button.addEventListener("pointerenter", () => show(series));
    button.addEventListener("pointerleave", () => show());
  }
}

// The list of episodes ----------------------------------------------------------------------

const [FAMILY, SERIES, INSTANCE, LEVEL, EPOCH, VERDICT, SCORE, GAP, WHY, CHUNK, PLACE] = Array(11).keys();
let index = null;
let listed = []; // numbers of the episodes that pass the filter, in the order shown

const chip = (verdict) => el("span", { class: `chip ${VERDICTS[verdict]}` }, VERDICTS[verdict]);

function browser(host) {
  let page = 0;
  let sorted = null;
  const search = el("input", { type: "search", placeholder: "instance, reason…", autocomplete: "off", spellcheck: "false", id: "episode-filter" });
  const choice = (what, options) => el("select", { "aria-label": what }, el("option", { value: "" }, `Every ${what}`), ...options.map((name, k) => el("option", { value: k }, name)));
  const family = choice("family", index.families);
  const series = choice("entrant", index.series.map((one) => one[0]));
  const verdict = choice("verdict", VERDICTS);
  const level = choice("level", [...new Set(index.episodes.map((e) => e[LEVEL]))].sort((a, b) => a - b));
  const shown = el("output", { class: "shown", "aria-live": "polite" });
  const body = el("tbody");
  const heads = [["verdict", VERDICT], ["episode", INSTANCE], ["entrant", SERIES], ["level", LEVEL], ["score", SCORE], ["gap", GAP], ["why", null]];
  const headRow = el("tr", {}, ...heads.map(([name, key]) => {
    const head = el("th", { scope: "col", class: ["level", "score", "gap"].includes(name) && "num" });
    head.append(key === null ? el("span", { class: "head" }, name) : el("button", { type: "button", class: "head", onclick: () => sort(head, key) }, name));
    return head;
  }));
  const before = el("button", { type: "button", onclick: () => { page -= 1; show(); } }, "Previous");
  const after = el("button", { type: "button", onclick: () => { page += 1; show(); } }, "Next");
  const place = el("span");

  function sort(head, key) {
    const down = head.hasAttribute("aria-sort") && head.getAttribute("aria-sort") === "ascending";
    for (const other of headRow.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    sorted = { key, down };
    filter();
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const passes = (e) =>
      (family.value === "" || e[FAMILY] === Number(family.value)) &&
      (series.value === "" || e[SERIES] === Number(series.value)) &&
      (verdict.value === "" || e[VERDICT] === Number(verdict.value)) &&
      (level.value === "" || e[LEVEL] === Number(level.selectedOptions[0].textContent)) &&
      words.every((word) => `${e[INSTANCE]} ${e[WHY]} ${index.series[e[SERIES]][0]}`.toLowerCase().includes(word));
    listed = [...index.episodes.keys()].filter((k) => passes(index.episodes[k]));
    const by = (k) => sorted.key === SERIES ? index.series[index.episodes[k][SERIES]][0] : index.episodes[k][sorted.key];
    if (sorted) listed.sort((a, b) => compare(by(a), by(b), sorted.down));
    page = 0;
    show();
  }
  function show() {
    const part = listed.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(...part.map(line));
    const total = index.episodes.length;
    shown.textContent = listed.length === total ? `${total.toLocaleString("en-GB")} episodes` : `${listed.length.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")} episodes`;
    place.textContent = part.length ? `${page * PAGE + 1} to ${page * PAGE + part.length}` : "No episode is like that.";
    before.disabled = page === 0;
    after.disabled = (page + 1) * PAGE >= listed.length;
  }
  for (const control of [family, series, verdict, level]) control.addEventListener("change", filter);
  search.addEventListener("input", filter);
  host.append(
    el("div", { class: "tools" }, el("label", { class: "field" }, el("span", {}, "Filter episodes"), search), index.families.length > 1 && family, series, verdict, level, shown),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Episodes" },
      el("table", { class: "list" }, el("caption", { class: "sr" }, "Episodes; choose one to open it"), el("thead", {}, headRow), body)),
    el("div", { class: "pager" }, before, after, place));
  filter();
}

function line(number) {
  const e = index.episodes[number];
  const name = e[EPOCH] ? `${e[INSTANCE]}, epoch ${e[EPOCH] + 1}` : e[INSTANCE];
  const row = el("tr", {},
    el("td", {}, chip(e[VERDICT])),
    el("th", { scope: "row" }, el("a", { href: `#e${number}`, class: "id" }, name)),
    el("td", {}, index.series[e[SERIES]][0]),
    el("td", { class: "num" }, String(e[LEVEL])),
    el("td", { class: "num" }, e[SCORE] === null ? "–" : e[SCORE].toFixed(3)),
    el("td", { class: "num" }, e[GAP] === null ? "–" : `${(100 * e[GAP]).toFixed(1)} %`),
    el("td", { class: "why" }, e[WHY]));
  row.addEventListener("click", (event) => { if (!event.target.closest("a")) location.hash = `e${number}`; });
  return row;
}

// One episode -------------------------------------------------------------------------------

async function openEpisode(number) {
  const dialog = document.getElementById("episode");
  const entry = index.episodes[number];
  const chunk = await load(`chunk-${entry[CHUNK]}`);
  if (location.hash !== `#e${number}`) return; // the reader has gone on meanwhile
  const episode = chunk.episodes[entry[PLACE]];
  dialog.replaceChildren(episodeHead(number, entry, dialog), el("div", { class: "episode-body" }));
  document.body.classList.add("opened");
  if (!dialog.open) dialog.showModal();
  document.getElementById("episode-title").focus();
  dialog.scrollTop = 0;
  dialog.lastChild.append(...episodeBody(entry, episode, chunk));
  drawAll(dialog);
}

// Pictures are as wide as their place: drawn when it is known, and again when it changes.
const places = new ResizeObserver((changes) => changes.forEach(({ target }) => {
  const width = Math.floor(target.clientWidth);
  if (width > 0 && target.drawn !== width) {
    target.drawn = width;
    target.replaceChildren(target.draw(width));
  }
}));

function drawAll(dialog) {
  places.disconnect();
  dialog.querySelectorAll(".drawn").forEach((place) => places.observe(place));
}

function episodeHead(number, entry, dialog) {
  const at = listed.indexOf(number);
  const step = (by, name) => el("button", { type: "button", disabled: listed[at + by] === undefined, onclick: () => { location.hash = `e${listed[at + by]}`; }, "data-step": by }, name);
  return el("div", { class: "episode-head" },
    chip(entry[VERDICT]),
    el("h2", { id: "episode-title", tabindex: "-1" }, index.series[entry[SERIES]][0]),
    el("span", { class: "id" }, entry[INSTANCE]),
    el("div", { class: "head-actions" }, ...(at >= 0 ? [step(-1, "Previous"), step(1, "Next")] : []),
      el("button", { type: "button", onclick: () => dialog.close() }, "Close")));
}

// A paragraph as it was: its numbers are kept apart from its words.
function paragraph(chunk, n) {
  const numbers = chunk.numbers[n].split(" ");
  let k = 0;
  return chunk.texts[n].replace(/\x01/g, () => numbers[k++]);
}

function episodeBody(entry, episode, chunk) {
  const text = (parts) => parts.map((n) => paragraph(chunk, n)).join("\n\n");
  const frames = chunk.frames.names.map((_, k) => Object.fromEntries(Object.entries(chunk.frames).map(([name, column]) => [name, column[k]])));
  const parts = [];
  if (episode.problem) {
    parts.push(el("h3", {}, "What broke"), el("p", {}, `${episode.problem.boundary}: ${episode.problem.message}`));
    if (episode.problem.trace) parts.push(el("details", {}, el("summary", {}, "Traceback"), el("pre", {}, episode.problem.trace)));
  }
  if (episode.why.length) parts.push(el("h3", {}, "Why"), el("ul", { class: "reasons" }, ...episode.why.map((one) => el("li", {}, one))));
  if (episode.pictures.length) parts.push(el("h3", {}, "Picture"), ...pictures(episode.pictures, frames, episode.why));
  parts.push(el("h3", {}, "Grade"), gradeFacts(entry, episode.facts));
  parts.push(el("h3", {}, episode.calls.length === 1 ? "Call" : `${episode.calls.length} calls`));
  let own = 0;
  for (const call of episode.calls) {
    const mine = !call.path.split("/").includes("memory");
    const told = mine && episode.steps.length > 1 ? episode.steps[own] : "";
    own += mine;
    parts.push(callView(call, told, text, episode.calls.length === 1));
  }
  if (!episode.calls.length) parts.push(el("p", {}, "Nothing was asked."));
  if (episode.memory) parts.push(...memoryView(episode.memory, frames));
  return parts;
}

function gradeFacts(entry, facts) {
  const tokens = (pair) => pair.some((n) => n === null) ? "unknown" : pair.map(plain).join(" in, ") + " out";
  const all = [
    ["verdict", VERDICTS[entry[VERDICT]]], ["score", entry[SCORE] === null ? "none" : plain(entry[SCORE])],
    ["value", facts.objective === null ? "none" : plain(facts.objective)],
    ["reference's bound", plain(facts.bound)],
    ["gap", entry[GAP] === null ? "none" : `${(100 * entry[GAP]).toFixed(2)} % to the ${facts.against}`],
    ["reference", [facts.reference, facts.solver].filter(Boolean).join(", ")],
    ["level", entry[LEVEL]], ["seed", plain(facts.seed)],
    ...Object.entries(facts.settings).map(([name, value]) => [name, typeof value === "string" ? value.replaceAll(",", ", ") : plain(value)]),
    ...Object.entries(facts.metrics).map(([name, value]) => [name, plain(value)]),
    ["model calls", facts.calls], ["attempts", facts.attempts], ["tokens", tokens(facts.tokens)],
    ...(facts.memory_calls ? [["memory calls", facts.memory_calls]] : []),
    ["cost", facts.cost === null ? "unknown" : `$${plain(facts.cost)}`], ["seconds", plain(facts.seconds)],
  ];
  return el("dl", { class: "grid-facts" }, ...all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))));
}

function pictures(found, frames, why, told) {
  const timelines = found.filter((one) => one.type === "timeline");
  const end = timelines.length ? lastMoment(timelines, frames) : 0;
  const draw = (one) => {
    const place = el("div", { class: "drawn" });
    const by = (one.sort ? one : timelines.findLast((t) => t.frame === one.frame) || {}).starts;
    place.draw = (width) => one.type === "timeline" ? drawTimeline(one, frames[one.frame], by, why, end, width) : drawStrip(one, width);
    return place;
  };
  const views = found.map((one) => el("figure", {}, el("figcaption", {}, el("strong", {}, one.title), el("small", {}, one.note)), draw(one),
    one.type === "timeline" ? timelineTable(one, frames[one.frame]) : null));
  const loads = timelines.some((t) => frames[t.frame].loads.length);
  const windows = timelines.some((t) => frames[t.frame].windows.length);
  const keys = told || (timelines.length
    ? [["bar", "runs"], ["bad", timelines.some((t) => frames[t.frame].dues.length) ? "late; the stroke is its due date" : "violates a rule"], ...(timelines.some((t) => t.spare.length) ? [["spare", "not needed"]] : []), ...(windows ? [["window", "may run here"]] : []), ...(loads ? [["down", "resource is down"]] : [])]
    : [["right", "right"], ["wrong", "wrong"], ["unusable", "not usable"]]);
  return [el("div", { class: "pictures" }, ...views), el("p", { class: "picture-keys" }, ...keys.map(([kind, name]) => el("span", { class: `k-${kind}` }, name)))];
}

function timelineTable(t, frame) {
  const due = frame.dues.length > 0;
  const open = frame.windows.length > 0;
  const rows = frame.names.map((name, k) => [t.starts[k], el("tr", {}, el("th", { scope: "row" }, name),
    el("td", { class: "num" }, t.starts[k] === null ? "–" : plain(t.starts[k])),
    el("td", { class: "num" }, t.starts[k] === null ? "–" : plain(t.starts[k] + frame.sizes[k])),
    due && el("td", { class: "num" }, plain(frame.dues[k])),
    open && el("td", { class: "num" }, frame.windows[k] ? `${frame.windows[k][0]} to ${frame.windows[k][1]}` : "–"))]);
  if (t.sort) rows.sort((a, b) => (a[0] ?? Infinity) - (b[0] ?? Infinity));
  const heads = ["", "start", "end", ...(due ? ["due"] : []), ...(open ? ["window"] : [])];
  return el("details", { class: "data" }, el("summary", {}, "Numbers"), el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((name, k) => el("th", { scope: "col", class: k && "num" }, name)))), el("tbody", {}, ...rows.map((row) => row[1]))));
}

// A call opens where it is the only one, or where the episode ended without a reply.
function callView(call, told, text, only) {
  const view = el("details", { class: "call" }, el("summary", {}, el("span", { class: "id" }, call.path), told));
  const fillIn = () => {
    if (view.childElementCount > 1) return;
    const turn = (name, content, kind) => el("div", { class: `turn ${kind || ""}` }, el("p", {}, name), el("pre", {}, content || "(empty)"));
    for (const [role, numbers] of call.messages) view.append(turn(role === "user" ? "prompt" : role, text(numbers)));
    if (call.tools.length) view.append(el("p", {}, `Tools on offer: ${call.tools.join(", ")}`));
    if (!call.reply) { view.append(turn("reply", "none: the episode ended here")); return; }
    const { reply } = call;
    const known = [reply.model, reply.finish, reply.tokens.every((n) => n !== null) && `${plain(reply.tokens[0])} tokens in, ${plain(reply.tokens[1])} out`, `${plain(reply.seconds)} s`].filter(Boolean);
    view.append(turn(`reply – ${known.join(", ")}`, text(reply.text), "reply"));
    for (const [name, words] of reply.calls) view.append(turn(`tool call – ${name}`, text(words), "reply"));
    if (call.parsed) {
      const [value, how, problem] = call.parsed;
      if (problem) view.append(el("p", { class: "problem" }, `Nothing could be read from it: ${problem}.`));
      else view.append(turn(`read from it – ${how}`, text(value)));
    }
  };
  view.addEventListener("toggle", () => { if (view.open) fillIn(); });
  if (only || !call.reply) { view.open = true; fillIn(); }
  return view;
}

function memoryView(memory, frames) {
  const told = `${plain(memory.read)} tokens read into prompts, ${plain(memory.written)} written; ${memory.rounds} past rounds kept word for word` +
    Object.entries(memory.counts).map(([name, count]) => `; ${name} ${count}`).join("");
  const heads = ["date", "what", "note", "text", "reason"];
  const rows = memory.log.map(([date, action, id, kind, words, reason]) =>
    el("tr", {}, el("td", {}, date), el("td", {}, action), el("td", {}, `${kind} ${id}`), el("td", {}, words), el("td", {}, reason)));
  return [el("h3", {}, "Memory"), el("p", {}, told), ...(memory.pictures.length ? pictures(memory.pictures, frames, [], [["bar", "held"]]) : []),
    ...(rows.length ? [el("div", { class: "scroll" }, el("table", { class: "log" }, el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows)))] : [])];
}

// -------------------------------------------------------------------------------------------

function follow() {
  const found = /^#e(\d+)$/.exec(location.hash);
  const dialog = document.getElementById("episode");
  if (found && index.episodes[Number(found[1])]) openEpisode(Number(found[1]));
  else if (dialog.open) dialog.close();
}

// A table that goes on beyond the edge fades out there.
function fading(part) {
  const look = () => part.classList.toggle("goes-on", part.scrollLeft + part.clientWidth < part.scrollWidth - 2);
  part.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(part);
}

async function start() {
  themes();
  document.querySelectorAll(".scroll").forEach(fading);
  document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
  document.querySelectorAll(".family").forEach((section) => {
    if (section.querySelector(".board")) board(section);
    if (section.querySelector(".legend")) legend(section);
  });
  index = await load("index");
  browser(document.getElementById("browser"));
  const dialog = document.getElementById("episode");
  dialog.addEventListener("close", () => {
    document.body.classList.remove("opened");
    dialog.replaceChildren();
    if (/^#e\d+$/.test(location.hash)) history.replaceState(null, "", "#episodes");
  });
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && event.target.scrollWidth <= event.target.clientWidth) dialog.querySelector(`[data-step="${by}"]`)?.click();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  window.addEventListener("hashchange", follow);
  // A modal dialog prints as one page at the most: what is printed is a copy.
  window.addEventListener("beforeprint", () => {
    if (dialog.open) document.body.append(el("div", { id: "printed" }, ...[...dialog.childNodes].map((part) => part.cloneNode(true))));
  });
  window.addEventListener("afterprint", () => document.getElementById("printed")?.remove());
  follow();
}
start();

// What the page does: themes, sorting, filtering, bringing a series forward, opening entries.

const PAGE = 25;
const loaded = new Map();

async function inflate(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(whole(await new Response(stream).text()));
}

// The text that was packed as columns (columns.py): each piece is the next part of the rest, or a
// shape with the next number of a column in each of its gaps.
function whole(packed) {
  const [order, shapes, rest, ...columns] = packed.split("\n");
  const FIRST = 11;
  const parts = rest.split("\t").values();
  const read = columns.map((column) => {
    let place = 1;
    let sum = 0;
    const next = () => column.charCodeAt(place++) - FIRST;
    const change = (step) => (step % 2 ? -(step + 1) / 2 : step / 2);
    return column[0] === "v" ? next : () => (sum += change(next()));
  });
  const fill = (gap, next) => (gap === "\x05" ? next() : String(next()).padStart(gap.charCodeAt(0), "0"));
  let used = 0;
  const pieces = shapes.split("\t").map((shape) => {
    const words = shape.split(/[\x01-\x05]/);
    const gaps = [...shape.matchAll(/[\x01-\x05]/g)].map(([gap]) => [gap, read[used++]]);
    return () => gaps.reduce((text, [gap, next], k) => text + fill(gap, next) + words[k + 1], words[0]);
  });
  const piece = (letter) => (letter === FIRST ? parts.next().value : pieces[letter - FIRST - 1]());
  return Array.from(order, (letter) => piece(letter.charCodeAt(0))).join("");
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

// The list of entries: episodes or tries ------------------------------------------------------

let index = null;
let subject = null; // what the entries are: EPISODES or TRIES
let listed = []; // numbers of the entries that pass the filter, in the order shown

const chip = (state) => el("span", { class: `chip ${state}` }, state);

function browser(host) {
  let page = 0;
  let sorted = null;
  const search = el("input", { type: "search", placeholder: subject.place, autocomplete: "off", spellcheck: "false", id: "entry-filter" });
  const choices = subject.choices().map(([what, options, at]) => ({
    at, control: el("select", { "aria-label": what }, el("option", { value: "" }, `Every ${what}`), ...options.map((name, k) => el("option", { value: k }, String(name)))),
  }));
  const shown = el("output", { class: "shown", "aria-live": "polite" });
  const body = el("tbody");
  const headRow = el("tr", {}, ...subject.columns.map(({ name, number, by }) => {
    const head = el("th", { scope: "col", class: number && "num" });
    head.append(by ? el("button", { type: "button", class: "head", onclick: () => sort(head, by) }, name) : el("span", { class: "head" }, name));
    return head;
  }));
  const before = el("button", { type: "button", onclick: () => { page -= 1; show(); } }, "Previous");
  const after = el("button", { type: "button", onclick: () => { page += 1; show(); } }, "Next");
  const place = el("span");

  function sort(head, by) {
    const down = head.hasAttribute("aria-sort") && head.getAttribute("aria-sort") === "ascending";
    for (const other of headRow.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    sorted = { by, down };
    filter();
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const passes = (e) =>
      choices.every(({ at, control }) => control.value === "" || at(e) === Number(control.value)) &&
      words.every((word) => subject.words(e).toLowerCase().includes(word));
    listed = [...index.entries.keys()].filter((k) => passes(index.entries[k]));
    const by = (k) => sorted.by(index.entries[k]);
    if (sorted) listed.sort((a, b) => compare(by(a), by(b), sorted.down));
    page = 0;
    show();
  }
  function show() {
    const part = listed.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(...part.map(line));
    const [some, all] = [listed, index.entries].map((found) => found.length.toLocaleString("en-GB"));
    shown.textContent = some === all ? `${all} ${subject.many}` : `${some} of ${all} ${subject.many}`;
    place.textContent = part.length ? `${page * PAGE + 1} to ${page * PAGE + part.length}` : `No ${subject.one} is like that.`;
    before.disabled = page === 0;
    after.disabled = (page + 1) * PAGE >= listed.length;
  }
  for (const { control } of choices) control.addEventListener("change", filter);
  search.addEventListener("input", filter);
  const name = subject.many[0].toUpperCase() + subject.many.slice(1);
  host.append(
    el("div", { class: "tools" }, el("label", { class: "field" }, el("span", {}, `Filter ${subject.many}`), search), ...choices.map((one) => one.control), shown),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
      el("table", { class: "list" }, el("caption", { class: "sr" }, `${name}; choose one to open it`), el("thead", {}, headRow), body)),
    el("div", { class: "pager" }, before, after, place));
  filter();
}

function line(number) {
  const e = index.entries[number];
  const row = el("tr", {}, ...subject.columns.map((column) => column.link
    ? el("th", { scope: "row" }, el("a", { href: `#e${number}`, class: "id" }, column.link(e)))
    : el("td", { class: column.number ? "num" : column.name === "why" && "why" }, column.cell(e))));
  row.addEventListener("click", (event) => { if (!event.target.closest("a")) location.hash = `e${number}`; });
  return row;
}

// One entry ---------------------------------------------------------------------------------

async function openEntry(number) {
  const dialog = document.getElementById("episode");
  const entry = index.entries[number];
  const [where, place] = entry.slice(-2);
  const chunk = await load(`chunk-${where}`);
  if (location.hash !== `#e${number}`) return; // the reader has gone on meanwhile
  dialog.replaceChildren(entryHead(number, entry, dialog), el("div", { class: "episode-body" }));
  document.body.classList.add("opened");
  if (!dialog.open) dialog.showModal();
  document.getElementById("episode-title").focus();
  dialog.scrollTop = 0;
  dialog.lastChild.append(...subject.body(entry, chunk.entries[place], chunk));
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

function entryHead(number, entry, dialog) {
  const at = listed.indexOf(number);
  const step = (by, name) => el("button", { type: "button", disabled: listed[at + by] === undefined, onclick: () => { location.hash = `e${listed[at + by]}`; }, "data-step": by }, name);
  return el("div", { class: "episode-head" },
    subject.chip(entry),
    el("h2", { id: "episode-title", tabindex: "-1" }, subject.title(entry)),
    el("span", { class: "id" }, subject.id(entry)),
    el("div", { class: "head-actions" }, ...(at >= 0 ? [step(-1, "Previous"), step(1, "Next")] : []),
      el("button", { type: "button", onclick: () => dialog.close() }, "Close")));
}

const facts = (all) => el("dl", { class: "grid-facts" }, ...all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))));

const joined = (chunk, parts) => parts.map((n) => chunk.texts[n]).join("\n\n");

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
    if (reply.reasoning) view.append(turn("reasoning – no part of the answer", text(reply.reasoning), "reasoning"));
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

// -------------------------------------------------------------------------------------------

function follow() {
  const found = /^#e(\d+)$/.exec(location.hash);
  const dialog = document.getElementById("episode");
  if (found && index.entries[Number(found[1])]) openEntry(Number(found[1]));
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
  const host = document.getElementById("browser");
  if (!host) return; // several searches: what opens is on the page of each
  index = await load("index");
  subject = { episodes: EPISODES, tries: TRIES }[host.dataset.of];
  browser(host);
  const dialog = document.getElementById("episode");
  dialog.addEventListener("close", () => {
    document.body.classList.remove("opened");
    dialog.replaceChildren();
    if (/^#e\d+$/.test(location.hash)) history.replaceState(null, "", `#${subject.many}`);
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

"use strict";
// Elements and drawings. Text only ever becomes text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  return node;
}
const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

const plain = (value) =>
  value === null || value === undefined ? "unknown"
    : typeof value === "number" ? Number(value.toPrecision(5)).toLocaleString("en-GB", { maximumFractionDigits: 4 })
    : String(value);

function roundStep(wish) {
  const power = 10 ** Math.floor(Math.log10(wish));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= wish * 0.999);
}

// The moment at which everything drawn of some timelines is over.
function lastMoment(timelines, frames) {
  const ends = timelines.flatMap((t) => {
    const frame = frames[t.frame];
    const bars = t.starts.map((start, k) => (start === null ? 0 : start + frame.sizes[k]));
    return [frame.end || 0, t.mark || 0, ...bars, ...frame.dues.filter((d) => d > 0)];
  });
  return Math.max(1, ...ends);
}

// `by` are the starts that rows stand in the order of; `why` are the violations in words.
function drawTimeline(t, frame, by, why, end, width) {
  const lanes = [...new Set(frame.lanes)];
  const titles = lanes.length ? lanes : frame.names;
  const count = titles.length;
  const high = Math.max(5, Math.min(19, Math.floor(560 / count)));
  const gutter = high < 9 ? 34 : Math.min(Math.max(120, width * 0.36), 14 + 6.6 * Math.max(0, ...titles.map((n) => n.length), ...frame.loads.map((l) => l.name.length + 3)));
  const x = (moment) => gutter + (Math.max(0, Math.min(end, moment)) / end) * (width - gutter - 14);
  const order = frame.names.map((_, k) => k);
  order.sort((a, b) => (by[a] ?? Infinity) - (by[b] ?? Infinity));
  const top = t.sort ? 46 : 20;
  const y = [];
  order.forEach((k, place) => { y[k] = top + (lanes.length ? lanes.indexOf(frame.lanes[k]) : place) * high; });
  const bottom = top + count * high;
  const wrong = new Map();
  const note = (k, number) => wrong.set(k, [...(wrong.get(k) || []), why[number] || ""]);
  for (const [k, number] of t.bad) note(k, number);
  for (const [a, b, number] of t.links) [a, b].forEach((k) => note(k, number));
  const parts = [];
  for (const k of order) parts.push(...drawRow(t, frame, k, { x, y: y[k], high, wrong: wrong.get(k), gutter }));
  for (const link of t.links) parts.push(...drawLink(t, frame, link, why, x, y, high));
  if (t.sort) parts.push(...drawMachine(t, frame, order, x, gutter));
  const panels = frame.loads.map((load, k) => drawLoad(t, frame, k, why, x, bottom + 14 + k * 54, end));
  const base = bottom + 8 + frame.loads.length * 54;
  const lines = [];
  if (frame.end) lines.push(svg("line", { x1: x(frame.end), x2: x(frame.end), y1: top - 6, y2: base, class: "limit" }, svg("title", {}, `horizon ${frame.end}`)));
  if (t.mark) {
    lines.push(svg("line", { x1: x(t.mark), x2: x(t.mark), y1: top - 6, y2: base, class: "mark" }));
    const near = x(t.mark) > width - 50;
    lines.push(svg("text", { x: x(t.mark) + (near ? -3 : 0), y: 11, "text-anchor": near ? "end" : "middle" }, `ends ${plain(t.mark)}`));
    if (frame.end && frame.end - t.mark > end * 0.14) lines.push(svg("text", { x: x(frame.end), y: 11, "text-anchor": "end" }, `horizon ${frame.end}`));
  }
  const height = base + 32;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "drawing", role: "img", "aria-label": `${t.title}: ${t.note}` },
    ...parts, ...panels.flat(), ...lines, ...drawAxis(x, base, end, frame.unit, width, gutter));
}

function drawRow(t, frame, k, { x, y, high, wrong, gutter }) {
  const parts = [];
  const name = frame.names[k];
  const lane = frame.lanes[k];
  const title = lane === undefined ? name : frame.lanes.indexOf(lane) === k ? lane : "";
  const room = Math.floor((gutter - 8) / 6);
  const size = frame.sizes[k];
  const start = t.starts[k];
  if (high >= 9 && title) parts.push(svg("text", { x: gutter - 6, y: y + high / 2 + 3.6, "text-anchor": "end", "font-size": Math.min(11, high) }, title.length > room ? `${title.slice(0, room - 1)}…` : title, svg("title", {}, title)));
  parts.push(svg("line", { x1: gutter, x2: x(Infinity), y1: y + high, y2: y + high, class: "row" }));
  const open = frame.windows[k];
  if (open) parts.push(svg("rect", { x: x(open[0]), width: Math.max(1, x(open[1]) - x(open[0])), y: y + 1, height: high - 2, class: "window" },
    svg("title", {}, `${name} may run in [${open[0]}, ${open[1]})`)));
  const due = frame.dues[k];
  if (start !== null) {
    const end = start + size;
    const late = due !== undefined && end > due;
    const wide = Math.max(1.5, x(end) - x(start));
    const told = [`${name}: ${plain(start)} to ${plain(end)}`, ...(due === undefined ? [] : [`due ${due}${late ? `, ${end - due} late` : ""}`]), ...(wrong || [])];
    if (late) parts.push(svg("line", { x1: x(due), x2: x(end), y1: y + high / 2, y2: y + high / 2, class: "late" }));
    parts.push(svg("rect", { x: x(start), width: wide, y: y + high * 0.14, height: high * 0.72, rx: Math.min(2, high / 5), class: wrong || late ? "bar bad" : t.spare.includes(k) ? "bar spare" : "bar" },
      svg("title", {}, told.join("\n"))));
    const inside = lane === undefined ? String(plain(size)) : name;
    if (high >= 13 && wide > 12 + 6 * inside.length) parts.push(svg("text", { x: x(end) - 4, y: y + high / 2 + 3.5, class: "in", "text-anchor": "end" }, inside));
  }
  if (due !== undefined) parts.push(svg("line", { x1: x(due), x2: x(due), y1: y + 1, y2: y + high - 1, class: "due" }, svg("title", {}, `${name} is due at ${due}`)));
  return parts;
}

// All bars in one line: the sequence as it runs.
function drawMachine(t, frame, order, x, gutter) {
  const bars = order.filter((k) => t.starts[k] !== null).map((k) => {
    const end = t.starts[k] + frame.sizes[k];
    const late = frame.dues[k] !== undefined && end > frame.dues[k];
    return svg("rect", { x: x(t.starts[k]), width: Math.max(0.6, x(end) - x(t.starts[k]) - 0.8), y: 20, height: 16, class: late ? "bar bad" : "bar" },
      svg("title", {}, `${frame.names[k]}: ${plain(t.starts[k])} to ${plain(end)}${late ? `, ${plain(end - frame.dues[k])} late` : ""}`));
  });
  return [svg("text", { x: gutter - 6, y: 32, "text-anchor": "end" }, "all"), ...bars];
}

function drawLink(t, frame, [a, b, number], why, x, y, high) {
  if (t.starts[a] === null || t.starts[b] === null) return [];
  const from = [x(t.starts[a] + frame.sizes[a]), y[a] + high / 2];
  const to = [x(t.starts[b]), y[b] + high / 2];
  const bend = Math.max(from[0], to[0]) + 9;
  const tip = `M${to[0]} ${to[1]}l6 -3v6z`;
  return [
    svg("path", { d: `M${from[0]} ${from[1]}C${bend} ${from[1]} ${bend} ${to[1]} ${to[0] + 5} ${to[1]}`, class: "link" }, svg("title", {}, why[number])),
    svg("path", { d: tip, class: "tip" }),
  ];
}

// How much of a resource is used over time: [moment, amount], each amount until the next moment.
function usage(t, frame, load) {
  const change = new Map();
  t.starts.forEach((start, k) => {
    if (start === null || !load.use[k] || !frame.sizes[k]) return;
    change.set(start, (change.get(start) || 0) + load.use[k]);
    const end = start + frame.sizes[k];
    change.set(end, (change.get(end) || 0) - load.use[k]);
  });
  let used = 0;
  return [...change.keys()].sort((a, b) => a - b).map((moment) => [moment, (used += change.get(moment))]);
}

function drawLoad(t, frame, k, why, x, top, end) {
  const load = frame.loads[k];
  const high = 36;
  const used = usage(t, frame, load);
  const most = Math.max(load.capacity, ...used.map(([, amount]) => amount), 1);
  const y = (amount) => top + high - (amount / most) * high;
  const block = (from, to, low, up, kind, title) =>
    svg("rect", { x: x(from), width: Math.max(0.8, x(to) - x(from)), y: y(up), height: Math.max(0, y(low) - y(up)), class: kind }, title && svg("title", {}, title));
  const parts = [
    svg("text", { x: x(0) - 6, y: top + 13, "text-anchor": "end" }, load.name),
    svg("text", { x: x(0) - 6, y: top + 27, "text-anchor": "end", "font-size": 10 }, `≤ ${load.capacity}`),
    svg("line", { x1: x(0), x2: x(end), y1: top + high, y2: top + high, class: "axis" }),
    ...load.down.map(([from, to]) => block(from, to, 0, most, "down", `${load.name} is down in [${from}, ${to})`)),
  ];
  const limit = (moment) => (load.down.some(([from, to]) => from <= moment && moment < to) ? 0 : load.capacity);
  const moments = [...new Set([...used.map(([moment]) => moment), ...load.down.flat()])].sort((a, b) => a - b);
  let at = 0;
  moments.forEach((moment, place) => {
    while (at < used.length && used[at][0] <= moment) at += 1;
    const amount = at ? used[at - 1][1] : 0;
    const next = moments[place + 1] ?? moment;
    const most = limit(moment);
    if (amount > 0) parts.push(block(moment, next, 0, Math.min(amount, most), "use"));
    if (amount > most) parts.push(block(moment, next, most, amount, "excess"));
  });
  let d = `M${x(0)} ${y(limit(0))}`;
  for (const [from, to] of load.down) d += `H${x(from)}V${y(0)}H${x(to)}V${y(load.capacity)}`;
  parts.push(svg("path", { d: `${d}H${x(end)}`, class: "capacity" }));
  for (const [which, from, to, number] of t.over) {
    if (which === k) parts.push(svg("rect", { x: x(from), width: Math.max(2, x(to) - x(from)), y: top, height: high, fill: "transparent" }, svg("title", {}, why[number])));
  }
  return parts;
}

function drawAxis(x, base, end, unit, width, gutter) {
  const step = roundStep(end / Math.max(3, Math.floor((width - gutter) / 70)));
  const parts = [svg("line", { x1: x(0), x2: x(end), y1: base, y2: base, class: "axis" })];
  for (let moment = 0; moment <= end; moment += step) {
    parts.push(svg("line", { x1: x(moment), x2: x(moment), y1: base, y2: base + 4, class: "axis" }));
    parts.push(svg("text", { x: x(moment), y: base + 15, "text-anchor": "middle" }, plain(moment)));
  }
  parts.push(svg("text", { x: (x(0) + x(end)) / 2, y: base + 29, "text-anchor": "middle" }, unit));
  return parts;
}

const CELLS = { 1: "right", 0: "wrong", x: "not usable" };

function drawStrip(strip, width) {
  const gutter = 14 + 6.4 * Math.max(...strip.names.map((name) => name.length));
  const count = Math.max(1, ...strip.cells.map((cells) => cells.length));
  const wide = (width - gutter - 8) / count;
  const parts = strip.names.flatMap((name, row) => [
    svg("text", { x: gutter - 8, y: row * 26 + 17, "text-anchor": "end" }, name),
    ...[...strip.cells[row]].map((cell, k) =>
      svg("rect", { x: gutter + k * wide, y: row * 26 + (cell === "1" ? 9 : 3), width: Math.max(1, wide - 1), height: cell === "1" ? 9 : 21, class: `cell${cell}` },
        svg("title", {}, `step ${k + 1}: ${CELLS[cell]}`))),
  ]);
  const base = strip.names.length * 26 + 4;
  const step = Math.max(1, roundStep(count / Math.max(3, Math.floor((width - gutter) / 60))));
  for (let k = step; k <= count; k += step) {
    parts.push(svg("text", { x: gutter + (k - 0.5) * wide, y: base + 12, "text-anchor": "middle" }, String(k)));
  }
  return svg("svg", { viewBox: `0 0 ${width} ${base + 18}`, width, height: base + 18, class: "drawing", role: "img", "aria-label": `${strip.title}: ${strip.note}` }, ...parts);
}

// Rectangles over time. A row without a place is in the table alone.
function drawBlocks(t, why, width) {
  const gutter = 62, top = 12, high = 260;
  const rows = t.names.map((_, k) => k).filter((k) => t.places[k] !== null);
  const tall = Math.max(t.limit, ...rows.map((k) => t.places[k] + t.sizes[k]));
  const end = Math.max(1, ...t.spans.map((span) => span[1]));
  const x = (moment) => gutter + (moment / end) * (width - gutter - 14);
  const y = (place) => top + high - (place / tall) * high;
  const wrong = new Map();
  for (const [k, number] of t.bad) wrong.set(k, [...(wrong.get(k) || []), why[number] || ""]);
  const blocks = rows.flatMap((k) => {
    const [from, to] = t.spans[k];
    const low = t.places[k];
    const [wide, room] = [x(to) - x(from), y(low) - y(low + t.sizes[k])];
    const told = [`${t.names[k]}: [${plain(from)}, ${plain(to)}), ${plain(low)} to ${plain(low + t.sizes[k])}`, ...(wrong.get(k) || [])];
    const parts = [svg("rect", { x: x(from) + 0.5, width: Math.max(0.6, wide - 1), y: y(low + t.sizes[k]) + 0.5, height: Math.max(0.6, room - 1), class: wrong.has(k) ? "bar bad" : "bar" }, svg("title", {}, told.join("\n")))];
    if (room > 12 && wide > 8 + 6.4 * t.names[k].length) parts.push(svg("text", { x: x(from) + wide / 2, y: y(low) - room / 2 + 3.6, class: "in", "text-anchor": "middle" }, t.names[k]));
    return parts;
  });
  const step = roundStep(tall / 5);
  const heights = [];
  for (let place = 0; place <= tall; place += step) {
    heights.push(svg("text", { x: gutter - 6, y: y(place) + 3.6, "text-anchor": "end" }, plain(place)));
  }
  const limit = svg("line", { x1: gutter, x2: x(end), y1: y(t.limit), y2: y(t.limit), class: "mark" }, svg("title", {}, `${plain(t.limit)} ${t.unit}`));
  return svg("svg", { viewBox: `0 0 ${width} ${top + high + 34}`, width, height: top + high + 34, class: "drawing", role: "img", "aria-label": `${t.title}: ${t.note}` },
    svg("text", { x: 4, y: 9 }, t.unit), ...heights, ...blocks, limit, ...drawAxis(x, top + high, end, t.across, width, gutter));
}

function blocksTable(t) {
  const rows = t.names.map((name, k) => el("tr", {}, el("th", { scope: "row" }, name), ...[...t.spans[k], t.sizes[k], t.places[k]].map((value) =>
    el("td", { class: "num" }, value === null ? "–" : plain(value)))));
  return el("details", { class: "data" }, el("summary", {}, "Numbers"), el("table", {},
    el("thead", {}, el("tr", {}, ...["", "start", "end", "size", "place"].map((name, k) => el("th", { scope: "col", class: k && "num" }, name)))), el("tbody", {}, ...rows)));
}

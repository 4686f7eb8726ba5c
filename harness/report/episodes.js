// What the list of episodes shows, and what one of them shows when it is opened.

const VERDICTS = ["error", "unparsable", "infeasible", "valid"];
const [FAMILY, SERIES, INSTANCE, LEVEL, EPOCH, VERDICT, SCORE, GAP, WHY, UNUSABLE] = Array(10).keys();

// An episode in which half or more of the answers could not be used is valid, and does not look it.
const MOSTLY = 50;
const verdictChip = (e) => VERDICTS[e[VERDICT]] === "valid" && e[UNUSABLE] >= MOSTLY
  ? el("span", { class: "chip unusable" }, `${e[UNUSABLE]} % unusable`) : chip(VERDICTS[e[VERDICT]]);

const EPISODES = {
  one: "episode", many: "episodes",
  place: "instance, reason…",
  chip: verdictChip,
  title: (e) => index.series[e[SERIES]][0],
  id: (e) => e[INSTANCE],
  words: (e) => `${e[INSTANCE]} ${e[WHY]} ${index.series[e[SERIES]][0]}`,
  choices: () => {
    const levels = [...new Set(index.entries.map((e) => e[LEVEL]))].sort((a, b) => a - b);
    return [
      ...(index.families.length > 1 ? [["family", index.families, (e) => e[FAMILY]]] : []),
      ["entrant", index.series.map((one) => one[0]), (e) => e[SERIES]],
      ["verdict", VERDICTS, (e) => e[VERDICT]],
      ["level", levels, (e) => levels.indexOf(e[LEVEL])],
    ];
  },
  columns: [
    { name: "verdict", by: (e) => e[VERDICT], cell: verdictChip },
    { name: "episode", by: (e) => e[INSTANCE], link: (e) => e[EPOCH] ? `${e[INSTANCE]}, epoch ${e[EPOCH] + 1}` : e[INSTANCE] },
    { name: "entrant", by: (e) => index.series[e[SERIES]][0], cell: (e) => index.series[e[SERIES]][0] },
    { name: "level", number: true, by: (e) => e[LEVEL], cell: (e) => String(e[LEVEL]) },
    { name: "score", number: true, by: (e) => e[SCORE], cell: (e) => e[SCORE] === null ? "–" : e[SCORE].toFixed(3) },
    { name: "gap", number: true, by: (e) => e[GAP], cell: (e) => e[GAP] === null ? "–" : `${(100 * e[GAP]).toFixed(1)} %` },
    { name: "why", cell: (e) => e[WHY] },
  ],
  body: episodeBody,
};

function episodeBody(entry, episode, chunk) {
  const text = (parts) => joined(chunk, parts);
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

function gradeFacts(entry, told) {
  const tokens = (pair) => pair.some((n) => n === null) ? "unknown" : pair.map(plain).join(" in, ") + " out";
  const all = [
    ["verdict", VERDICTS[entry[VERDICT]]], ["score", entry[SCORE] === null ? "none" : plain(entry[SCORE])],
    ["value", told.objective === null ? "none" : plain(told.objective)],
    ["reference's bound", plain(told.bound)],
    ["gap", entry[GAP] === null ? "none" : `${(100 * entry[GAP]).toFixed(2)} % to the ${told.against}`],
    ["reference's status", [told.reference, told.solver].filter(Boolean).join(", ")],
    ["level", entry[LEVEL]], ["seed", plain(told.seed)],
    ...Object.entries(told.settings).map(([name, value]) => [name, typeof value === "string" ? value.replaceAll(",", ", ") : plain(value)]),
    ...Object.entries(told.metrics).map(([name, value]) => [name, plain(value)]),
    ["model calls", told.calls], ["attempts", told.attempts], ["tokens", tokens(told.tokens)],
    ...(told.memory_calls ? [["memory calls", told.memory_calls]] : []),
    ["cost", told.cost === null ? "unknown" : `$${plain(told.cost)}`], ["seconds", plain(told.seconds)],
  ];
  return facts(all);
}

function pictures(found, frames, why, told) {
  const timelines = found.filter((one) => one.type === "timeline");
  const end = timelines.length ? lastMoment(timelines, frames) : 0;
  const draw = (one) => {
    const place = el("div", { class: "drawn" });
    const by = (one.sort ? one : timelines.findLast((t) => t.frame === one.frame) || {}).starts;
    place.draw = (width) => one.type === "timeline" ? drawTimeline(one, frames[one.frame], by, why, end, width)
      : one.type === "blocks" ? drawBlocks(one, why, width) : drawStrip(one, width);
    return place;
  };
  const views = found.map((one) => el("figure", {}, el("figcaption", {}, el("strong", {}, one.title), el("small", {}, one.note)), draw(one),
    one.type === "timeline" ? timelineTable(one, frames[one.frame]) : one.type === "blocks" ? blocksTable(one) : null));
  const loads = timelines.some((t) => frames[t.frame].loads.length);
  const windows = timelines.some((t) => frames[t.frame].windows.length);
  const keys = told || (timelines.length
    ? [["bar", "runs"], ["bad", timelines.some((t) => frames[t.frame].dues.length) ? "late; the stroke is its due date" : "violates a rule"], ...(timelines.some((t) => t.spare.length) ? [["spare", "not needed"]] : []), ...(windows ? [["window", "may run here"]] : []), ...(loads ? [["down", "resource is down"]] : [])]
    : found.some((one) => one.type === "blocks") ? [["bar", "lies there"], ["bad", "violates a rule"]]
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

function memoryView(memory, frames) {
  const told = `${plain(memory.read)} tokens read into prompts, ${plain(memory.written)} written; ${memory.rounds} past rounds kept word for word` +
    Object.entries(memory.counts).map(([name, count]) => `; ${name} ${count}`).join("");
  const heads = ["date", "what", "note", "text", "reason"];
  const rows = memory.log.map(([date, action, id, kind, words, reason]) =>
    el("tr", {}, el("td", {}, date), el("td", {}, action), el("td", {}, `${kind} ${id}`), el("td", {}, words), el("td", {}, reason)));
  return [el("h3", {}, "Memory"), el("p", {}, told), ...(memory.pictures.length ? pictures(memory.pictures, frames, [], [["bar", "held"]]) : []),
    ...(rows.length ? [el("div", { class: "scroll" }, el("table", { class: "log" }, el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows)))] : [])];
}

// What the list of a search's tries shows, and what one of them shows when it is opened.

const [STATUS, TRY, SEARCH, MODEL, OPERATOR, TRAINING, LENGTH, PROBLEM] = Array(8).keys();
const share = (gap) => gap === null ? "–" : `${(100 * gap).toFixed(2)} %`;

const TRIES = {
  one: "try", many: "tries",
  place: "program, failure…",
  chip: (e) => chip(index.statuses[e[STATUS]]),
  title: (e) => e[TRY],
  id: (e) => [index.searches[e[SEARCH]], index.models[e[MODEL]], index.operators[e[OPERATOR]]].filter(Boolean).join(" · "),
  words: (e) => `${e[TRY]} ${index.models[e[MODEL]]} ${e[PROBLEM]}`,
  choices: () => [
    ["search", index.searches, (e) => e[SEARCH]],
    ["status", index.statuses, (e) => e[STATUS]],
    ["operator", index.operators, (e) => e[OPERATOR]],
    ...(index.models.length > 2 ? [["model", index.models.map((name) => name || "seed programs"), (e) => e[MODEL]]] : []),
  ],
  columns: [
    { name: "status", by: (e) => e[STATUS], cell: (e) => chip(index.statuses[e[STATUS]]) },
    { name: "try", by: (e) => e[TRY], link: (e) => e[TRY] },
    { name: "search", by: (e) => index.searches[e[SEARCH]], cell: (e) => index.searches[e[SEARCH]] },
    { name: "model", by: (e) => index.models[e[MODEL]], cell: (e) => index.models[e[MODEL]] || "–" },
    { name: "operator", by: (e) => index.operators[e[OPERATOR]], cell: (e) => index.operators[e[OPERATOR]] },
    { name: "training gap", number: true, by: (e) => e[TRAINING], cell: (e) => share(e[TRAINING]) },
    { name: "length", number: true, by: (e) => e[LENGTH], cell: (e) => String(e[LENGTH] || "–") },
    { name: "why", cell: (e) => e[PROBLEM] },
  ],
  body: tryBody,
};

function tryBody(entry, found, chunk) {
  const text = (numbers) => joined(chunk, numbers);
  const { told } = found;
  const parents = told.parents.map(([name, number]) => el("a", { href: `#e${number}` }, name));
  const parts = [];
  if (told.why) parts.push(el("h3", {}, "What was wrong"), el("p", { class: "problem" }, told.why));
  parts.push(el("h3", {}, "Outcome"), facts([
    ["status", index.statuses[entry[STATUS]]],
    [told.few ? "gap on the first few" : "training gap", entry[TRAINING] === null ? "none" : share(entry[TRAINING])],
    ["length", entry[LENGTH] ? `${plain(entry[LENGTH])} characters` : "none"],
    ["CPU seconds of its runs", plain(told.seconds)], ["island", told.island],
    ["tokens", plain(told.tokens)], ["cost", told.cost === null ? "unknown" : `$${plain(told.cost)}`],
  ]));
  if (parents.length) parts.push(el("h3", {}, parents.length === 1 ? "Parent" : "Parents"), el("p", { class: "parents" }, ...parents.flatMap((link, k) => (k ? [", ", link] : [link]))));
  if (told.program) parts.push(el("h3", {}, "Program"), el("pre", {}, text(found.program)));
  if (told.thought) parts.push(el("h3", {}, "What was said of it"), el("p", {}, told.thought));
  if (found.calls.length) parts.push(el("h3", {}, "Call"), ...found.calls.map((call) => callView(call, "", text, true)));
  return parts;
}

// The Entities tab, as in mtl/ui/entities/tab.py, mtl/ui/widgets/heads.py and mtl/sheets.py.
import { ENTITIES, MAX_ROWS } from "./constants.js";
import { markup } from "./jinja.js";
import { marked, more, shown, table } from "./kinds.js";
import { colours } from "./labels.js";
import { answers, parts } from "./templates.js";

export const headsOf = (tasks) => tasks.filter((task) => shown(task).tab === ENTITIES);
// The head that was asked for, else the one called like the tab, else any.
const choose = (tasks, wanted) => {
  const heads = headsOf(tasks), named = (name) => heads.find((task) => task.name === name);
  return named(wanted) ?? named(ENTITIES) ?? heads[0];
};

export const view = ({ analyses, tasks }, wanted) => {
  const task = choose(tasks, wanted), heads = headsOf(tasks).map(({ name }) => name);
  const other = heads.includes(ENTITIES) ? "" : `The model in use has no ${ENTITIES} head; this is its head ${task.name}.`;
  const choice = heads.length > 1 ? parts.choice("span_head", "Head", heads.map((name) => [name, name]), task.name) : "";
  return markup([choice, parts.note(other), drawn(analyses, task)]);
};

const drawn = (analyses, { name, labels }) => {
  const palette = colours(labels), kinds = new Map(labels.map((label, i) => [label, `k${i}`]));
  const lines = analyses.slice(0, MAX_ROWS).map(({ characters, results, unfamiliar }) => (
    [marked(characters, results.get(name), palette, ({ label }) => [kinds.get(label), label]), unfamiliar]
  ));
  const listed = analyses.flatMap(({ results, unfamiliar }, i) => results.get(name).map((span) => ({ ...span, i, unfamiliar })));
  const rows = listed.map(({ i, text, label, start, end, score }) => (
    // The table tells numbers of three digits from whole ones, which a score of one would be here.
    [i + 1, text, parts.tag(label, palette.get(label)), start, end, Math.min(score, 1 - 1e-9)]
  ));
  const headers = ["sentence", "name", "type", "start", "end", "score"];
  const classes = listed.map(({ label, unfamiliar }) => `${kinds.get(label)}${unfamiliar ? " pale" : ""}`);
  const below = rows.length ? table("Names found", headers, rows, "names", classes, listed.map(({ i }) => i))
    : parts.note("No names were found in these sentences.");
  const counts = new Map(labels.map((label) => [label, listed.filter((span) => span.label === label).length]));
  return answers.entities(lines, palette, counts, markup([more(analyses.length, "sentences"), below]));
};

// --- the download ---

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/, NUMBER = /^[+-]\d[\d.,]*%?$/;
const cell = (value) => {
  const text = typeof value === "string" && FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
export const csv = ({ analyses, tasks }, wanted) => {
  const { name } = choose(tasks, wanted), hasFamiliarity = analyses[0].familiarity !== null;
  const rows = analyses.flatMap(({ text, results, familiarity }, i) => results.get(name).map((span) => [
    i + 1, text, span.text, span.label, span.start, span.end, Number(span.score.toFixed(4)),
    ...(hasFamiliarity ? [Number(familiarity.toFixed(4))] : []),
  ]));
  const head = ["sentence", "sentence text", "text", "label", "start", "end", "score", ...(hasFamiliarity ? ["familiarity"] : [])];
  return `\ufeff${[head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
};

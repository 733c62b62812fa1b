// How answers are shown, by the way in which a head's logits are decoded: as in mtl/ui/kinds and mtl/ui/widgets/markup.py.
import { AFTER_LAST_MARK, MAX_ROWS, MOST_PARTS, NONE, TEXT_SHOWN } from "./constants.js";
import { markup } from "./jinja.js";
import { colours, ink } from "./labels.js";
import { answers, kinds, parts } from "./templates.js";

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

// `tab`: the tab that lists such heads; `row`: an answer in a row of all answers to a text, `inText`: the text marked;
// `colourOf`, `besides`: what a point of the map is coloured by; `shares`: the probability of each label in a bar.
const VIEW = {
  tab: "", row: (answer) => kinds.said(answer), inText: () => null, colourOf: () => null, besides: () => 0, shares: () => null,
};
const VIEWS = {
  softmax: {
    ...VIEW, tab: "sentiment",
    cell: ({ label, probabilities }) => `${label} (${percent(probabilities.get(label))})`,
    row(answer, { labels }) {
      return labels.length > MOST_PARTS ? kinds.said(this.cell(answer)) : bar(answer.probabilities, colours(labels));
    },
    colourOf: ({ label }) => label,
    shares: ({ probabilities }) => probabilities,
  },
  sigmoid: {
    ...VIEW, tab: "sentiment",
    row: ({ labels }) => kinds.chips(labels, [], NONE),
    colourOf: ({ labels, probabilities }) => (
      labels.reduce((best, label) => (probabilities.get(label) > (probabilities.get(best) ?? -1) ? label : best), NONE)
    ),
    besides: ({ labels }) => Math.max(labels.length - 1, 0),
  },
  number: { ...VIEW, row: (answer, { low, high, name }) => answers.gauge(answer, low, high, name), colourOf: (answer) => answer },
  tags: {
    ...VIEW, tab: "entities",
    inText: (spans, characters, { labels }) => marked(characters, spans, colours(labels), ({ label }) => ["", label]),
  },
  // Of two texts.
  cosine: { ...VIEW, cell: (answer, { low }) => (low === undefined ? `cosine ${answer.toFixed(2)}` : answer.toFixed(2)) },
};
export const shown = (task) => (task.texts === 1 ? VIEWS[task.decode] : { ...VIEWS[task.decode], tab: "" });

const bar = (probabilities, palette) => {
  const shares = [...palette].map(([name, colour]) => [name, 100 * probabilities.get(name), colour]);
  const spoken = shares.map(([name, share]) => `${name} ${share.toFixed(1)} %`).join(", ");
  const look = (share, colour) => `width:${share.toFixed(2)}%;--c:${colour};--ink:${ink(colour)}`;
  return answers.bar(spoken, shares.map(([, share, colour]) => [look(share, colour), share.toFixed(0)]));
};

// A text with its `spans` marked, `look` giving the class and the tag of each.
export const marked = (characters, spans, palette, look) => {
  const cut = (start, end) => characters.slice(start, end).join(""), marks = [];
  let done = 0;
  for (const span of spans) {
    const [kind, name] = look(span);
    marks.push([cut(done, span.start), kind, palette.get(span.label), cut(span.start, span.end), name]);
    done = span.end;
  }
  const end = Math.max(TEXT_SHOWN, done + AFTER_LAST_MARK);
  return answers.marked(marks, cut(done, end) + (end < characters.length ? "…" : ""));
};

export const more = (total, unit) => parts.note(
  total > MAX_ROWS ? `The first ${MAX_ROWS} of ${total.toLocaleString("en-US")} ${unit} are shown; the download has all.` : "",
);
export const table = (caption, headers, rows, unit, classes, sentences) => {
  const heads = headers.map((name, i) => [name, typeof rows[0][i] === "number"]);
  return markup([parts.table(caption, heads, rows.slice(0, MAX_ROWS), classes, sentences), more(rows.length, unit)]);
};

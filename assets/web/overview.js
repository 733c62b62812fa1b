// The rows of the Overview, as in mtl/ui/overview/view.py.
import { MAX_ROWS, TEXT_SHOWN } from "./constants.js";
import { shown } from "./kinds.js";
import { overview } from "./templates.js";

// {text: its row}, of those that are shown.
export const rows = ({ analyses, tasks }, texts) => {
  const known = new Map(analyses.slice(0, MAX_ROWS).map((analysis) => [analysis.text, analysis]));
  return Object.fromEntries(texts.filter((text) => known.has(text)).map((text) => [text, row(known.get(text), tasks)]));
};
const row = ({ characters, results, unfamiliar }, tasks) => {
  let sentence = null;
  const cells = [];
  for (const task of tasks) {
    const answer = results.get(task.name), marked = shown(task).inText(answer, characters, task);
    if (marked === null) cells.push([task.name, shown(task).row(answer, task)]);
    else if (sentence === null) sentence = marked;
    else cells.push([task.name, marked]); // each task that marks words has its own line
  }
  return overview.row(sentence ?? characters.slice(0, TEXT_SHOWN).join(""), cells, unfamiliar);
};

// The names of the columns, and a legend of their colours.
export const head = ({ analyses: [{ results, characters }, ...others], tasks }) => {
  const names = [], legends = new Map();
  let marked = null;
  for (const task of tasks) {
    const answer = results.get(task.name), inText = shown(task).inText(answer, characters, task) !== null;
    if (inText && marked === null) marked = task.name;
    else names.push(task.name);
    if ((inText || shown(task).shares(answer)) && task.labels.length <= 12) legends.set(task.name, task.labels);
  }
  return overview.head(names, legends, 1 + others.length - MAX_ROWS);
};

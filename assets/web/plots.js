// What the map and the grid show, as in mtl/ui/embeddings/view.py: plain values that assets/map.js and its kin draw.
import {
  ALIKE, ENOUGH_SHARED, GREY, KEPT, MAX_CELLS, MOST_LABELS, NEAREST, NONE, NO_LABEL, OTHERS, PCA_NOTE, SYMBOLS,
} from "./constants.js";
import { shown } from "./kinds.js";
import { colours } from "./labels.js";
import { aligned, neighboursKept, pca } from "./map.js";
import { dot } from "./model.js";

const rounded = (value) => Number(value.toFixed(4));

// The map in so many dimensions, turned to match that of the analysis before.
export const mapOf = (work, dims) => {
  work.maps[dims] ??= laidOut(work, dims);
  const count = work.analyses.length, { points, kept } = work.maps[dims];
  const note = count > 2 ? ` ${KEPT.replace("{}", Math.round(kept)).replace("{}", count)}` : "";
  return { points: points.map((point) => point.map(rounded)), method: "pca", note: PCA_NOTE + note };
};
const laidOut = ({ analyses, before }, dims) => {
  const vectors = analyses.map(({ embedding }) => embedding);
  if (vectors.length < 2) return { points: [Array(dims).fill(0)], kept: 1 };
  let points = pca(vectors, dims);
  const kept = neighboursKept(vectors, points), earlier = before?.maps[dims];
  if (earlier) {
    const places = new Map(before.analyses.map(({ text }, row) => [text, row]));
    const pairs = analyses.map(({ text }, row) => [row, places.get(text)]).filter(([, place]) => place !== undefined);
    if (pairs.length >= ENOUGH_SHARED) points = aligned(points, earlier.points, pairs);
  }
  return { points, kept };
};

// What points can be coloured by: the tasks.
export const colourings = ({ analyses, tasks }) => tasks.flatMap((task) => {
  const answers = analyses.map(({ results }) => results.get(task.name)), view = shown(task);
  if (view.colourOf(answers[0]) === null) return [];
  const besides = answers.map(view.besides), more = besides.some(Boolean) ? { besides } : {};
  return [{ ...colouring(task.name, answers.map(view.colourOf), task.labels), ...more }];
});
const colouring = (name, values, labels) => {
  if (values.every((value) => typeof value === "number")) return { name, values, looks: null };
  const grey = [NO_LABEL, NONE], counts = new Map();
  for (const value of values) if (!grey.includes(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size > MOST_LABELS) {
    const common = [...counts].sort(([, one], [, other]) => other - one).slice(0, MOST_LABELS - 1).map(([label]) => label);
    const kept = new Set([...grey, ...common]);
    values = values.map((value) => (kept.has(value) ? value : OTHERS));
  }
  return { name, values, looks: Object.fromEntries([...looks(labels), ...[OTHERS, ...grey].map((label) => [label, [GREY, SYMBOLS.at(-1)]])]) };
};
const looks = (labels) => {
  const symbols = SYMBOLS.slice(0, -1);
  return [...colours(labels)].map(([label, colour], i) => [label, [colour, symbols[(i + Math.floor(i / symbols.length)) % symbols.length]]]);
};

// Of each sentence, which other one is nearest, and the cosine.
export const nearest = (vectors) => {
  const others = [], cosines = [];
  vectors.forEach((vector, row) => {
    let [best, most] = [0, -Infinity];
    vectors.forEach((other, place) => {
      const cosine = place === row ? -Infinity : dot(vector, other);
      if (cosine > most) [best, most] = [place, cosine];
    });
    others.push(best);
    cosines.push(rounded(most));
  });
  return [others, cosines];
};

export const grid = (vectors) => {
  const count = vectors.length, shownOf = Math.min(count, MAX_CELLS);
  const rows = Array.from({ length: shownOf }, (_, i) => (count > MAX_CELLS ? Math.round((i * (count - 1)) / (MAX_CELLS - 1)) : i));
  const cells = new Int16Array(rows.flatMap((one) => rows.map((other) => Math.round(10_000 * dot(vectors[one], vectors[other])))));
  return { rows, cells: btoa(Array.from(new Uint8Array(cells.buffer), (byte) => String.fromCharCode(byte)).join("")) };
};

// --- of some of the sentences ---

// Of one, those nearest to it; of several, the mean cosine of their pairs.
export const about = ({ analyses }, chosen) => {
  const vectors = analyses.map(({ embedding }) => embedding), rows = [...new Set(chosen)].filter((row) => row in vectors);
  if (rows.length === 1) {
    const found = byCosine(vectors, vectors[rows[0]], NEAREST + 1);
    return { nearest: found.filter(([row]) => row !== rows[0]).slice(0, NEAREST) };
  }
  if (!rows.length) return {};
  const total = vectors[0].map((_, i) => rows.reduce((sum, row) => sum + vectors[row][i], 0));
  return { mean: rounded((dot(total, total) - rows.length) / (rows.length * (rows.length - 1))) };
};
// What heads for two texts say of a pair.
export const ofPair = ({ results }, tasks) => tasks.filter(({ texts }) => texts === 2).map((task) => {
  const answer = results.get(task.name), scale = typeof answer === "number" ? ` (${task.scale[0]} to ${task.scale[1]})` : "";
  return [task.name, `${shown(task).cell(answer, task)}${scale}`];
});
// The sentences nearest to some words, without those that are unlike the texts that the model knows.
export const like = ({ analyses }, wanted) => {
  const unlike = analyses.filter(({ unfamiliar }) => unfamiliar).length;
  const found = byCosine(analyses.map(({ embedding }) => embedding), wanted, ALIKE + unlike);
  return found.filter(([row]) => !analyses[row].unfamiliar).slice(0, ALIKE);
};
const byCosine = (vectors, wanted, most) => {
  const cosines = vectors.map((vector) => dot(vector, wanted));
  const rows = [...cosines.keys()].sort((one, other) => cosines[other] - cosines[one]).slice(0, most);
  return rows.map((row) => [row, rounded(cosines[row])]);
};

// All answers to the sentences in the box as one object, as in mtl/ui/answers.py: what the page asks its server for
// elsewhere. Answers to sentences that stay are kept, and many are read in parts.
import { EMPTY, MAX_ROWS, SEARCHED } from "./constants.js";
import * as entities from "./entities.js";
import { plural } from "./labels.js";
import * as overview from "./overview.js";
import * as plots from "./plots.js";
import { fromLines } from "./sentences.js";
import { parts } from "./templates.js";

const PART = 16; // sentences that are read before the page hears how far it is

export class Answers {
  #model; #sentences = null; #read = new Map(); #new = []; #seconds = 0; #work = null;

  constructor(model) {
    this.#model = model;
  }

  async answer(asked) {
    try {
      return await this.#answer(asked);
    } catch (problem) {
      console.error(problem);
      return { problem: parts.status(`This browser could not answer: ${problem.message ?? problem}`, [], "bad") };
    }
  }

  // The file that a download of the entities saves.
  csv(asked) {
    return this.#work && entities.csv(this.#work, asked.span_head);
  }

  async #answer(asked) {
    if (typeof asked.lines === "string") this.#sentences = fromLines(asked.lines, asked.left_out);
    if (!this.#sentences) return { lines: true };
    if (asked.chosen) return { chosen: await this.#about(asked.chosen) };
    if (asked.like?.trim()) return { like: await this.#like(asked.like.slice(0, SEARCHED)) };
    const { texts } = this.#sentences;
    if (!texts.length) return { problem: parts.status(EMPTY, [], "bad") };
    if (asked.anew) [this.#read, this.#new, this.#seconds] = [new Map(), [], 0];
    const left = await this.#readPart(texts);
    if (left) return { progress: progress(texts.length - left, texts.length, this.#seconds) };
    const found = { ...this.#drawn(texts, asked), ...this.#told(texts) };
    this.#read = new Map(texts.map((text) => [text, this.#read.get(text)]));
    [this.#new, this.#seconds] = [[], 0];
    return found;
  }

  async #readPart(texts) {
    const wanted = new Set(texts), unread = [...wanted].filter((text) => !this.#read.has(text)), part = unread.slice(0, PART);
    if (part.length) {
      const began = performance.now(), answers = await this.#model.analyze(part);
      this.#seconds += (performance.now() - began) / 1000;
      part.forEach((text, i) => this.#read.set(text, answers[i]));
      this.#new.push(...part);
    }
    this.#new = this.#new.filter((text) => wanted.has(text)); // the texts may be others than the time before
    return unread.length - part.length;
  }

  #drawn(texts, asked) {
    const { about } = this.#model, { tasks } = about, analyses = texts.map((text) => this.#read.get(text));
    const known = this.#work?.analyses ?? [], same = known.length === texts.length && known.every(({ text }, i) => text === texts[i]);
    const shown = tasks.filter((task) => task.texts === 1);
    if (!same || asked.anew) this.#work = { analyses, tasks: shown, maps: {}, before: this.#work && { ...this.#work, before: null } };
    const work = this.#work, vectors = analyses.map(({ embedding }) => embedding);
    const found = {
      model: about.identity, texts, shown: Math.min(texts.length, MAX_ROWS),
      rows: overview.rows(work, asked.all_rows ? texts : this.#new),
      head: overview.head(work),
      colourings: plots.colourings(work),
      poolings: [about.pooling], pooling: about.pooling,
      pairs: tasks.some((task) => task.texts === 2),
      map: plots.mapOf(work, asked.dims === 3 ? 3 : 2), better_in: null,
      unlike: [...analyses.keys()].filter((row) => analyses[row].unfamiliar),
      views: asked.views.includes("entities-view") ? { "entities-view": entities.view(work, asked.span_head) } : {},
    };
    if (texts.length > 1) work.cosines ??= { grid: plots.grid(vectors), nearest: plots.nearest(vectors) };
    return { ...found, ...work.cosines };
  }

  #told(texts) {
    const total = plural(texts.length, "sentence"), count = this.#new.length;
    const some = count === texts.length ? "" : `${count} new, `;
    const said = count ? `${total} · ${some}one pass · ${duration(this.#seconds)}` : `${total} · nothing new to read`;
    const { about: { max_tokens: most } } = this.#model;
    const notes = [...this.#sentences.notes, ...remarks(texts.map((text) => this.#read.get(text)), most)];
    return { status: parts.status(said, notes), read: count };
  }

  async #about(chosen) {
    if (!this.#work) return {};
    const found = plots.about(this.#work, chosen), { about: { tasks } } = this.#model;
    if (found.mean === undefined || new Set(chosen).size !== 2 || !tasks.some(({ texts }) => texts === 2)) return found;
    const [one, other] = chosen.map((row) => this.#work.analyses[row].text);
    return { ...found, answers: plots.ofPair(await this.#model.compare(one, other), tasks) };
  }

  async #like(words) {
    if (!this.#work) return [];
    const [{ embedding }] = await this.#model.analyze([words]);
    return plots.like(this.#work, embedding);
  }
}

// Which sentences the model has read in part only, or not at all.
const remarks = (analyses, most) => {
  const numbered = (isOne, verb, verbs) => {
    const numbers = [...analyses.keys()].filter((i) => isOne(analyses[i])).map((i) => i + 1);
    if (numbers.length < 2) return numbers.map((number) => `Sentence ${number} ${verb}`);
    const more = numbers.length > 5 ? ` and ${numbers.length - 5} more` : "";
    return [`Sentences ${numbers.slice(0, 5).join(", ")}${more} ${verbs}`];
  };
  return [
    ...numbered(({ truncated }) => truncated, "is", "are").map((who) => (
      `${who} longer than the model reads: only the first ${most} tokens (about ${Math.floor((most * 3) / 4)} words) counted.`
    )),
    ...numbered(({ unfamiliar, unread }) => unfamiliar && !unread, "is", "are").map((who) => (
      `${who} unlike the texts that this model knows: do not trust the answers there.`
    )),
    ...numbered(({ unread }) => unread, "has", "have").map((who) => (
      `${who} no word that the model knows: what it answers there means nothing.`
    )),
  ];
};
const progress = (done, total, seconds) => {
  const left = done ? ` · about ${Math.max((seconds / done) * (total - done), 0.1).toFixed(1)} s left` : "";
  return parts.status(`${done.toLocaleString("en-US")} of ${plural(total, "sentence")}${left}`, [], "busy", done / total);
};
const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);

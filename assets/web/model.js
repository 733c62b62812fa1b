// The model in the browser: ONNX Runtime runs the graph, and its logits become answers as in assets/onnx/run.py.
import * as ort from "../runtime/ort.wasm.min.mjs";
import { shapesAround, Tokens } from "./tokens.js";

const AT_ONCE = 512; // tokens of a batch, padding included

export class Model {
  // `graph`: the bytes of model.onnx; `tokenizer` and `about`: the content of the other files.
  static async of(graph, tokenizer, about) {
    ort.env.wasm.numThreads = 1; // more would need headers that a static host does not send
    ort.env.logLevel = "error";
    const model = new Model();
    model.about = about;
    model.tokens = new Tokens(tokenizer, about);
    model.session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
    return model;
  }

  // The answers to each text, as `Analysis.to_json` of mtl/model.py has them, and its characters.
  async analyze(texts) {
    const read = texts.map((text) => this.tokens.read(text)), answers = [];
    for (const rows of batches(read.map(({ ids }) => ids.length))) {
      const found = await this.#run(rows.map((row) => read[row]));
      rows.forEach((row, i) => { answers[row] = this.#answer([read[row]], found, i); });
    }
    return answers;
  }

  // The answers to a pair of texts.
  async compare(one, other) {
    const read = [one, other].map((text) => this.tokens.read(text));
    return this.#answer(read, await this.#run(read), 0);
  }

  async #run(texts) {
    const width = Math.max(...texts.map(({ ids }) => ids.length)), window = 1 + 2 * this.about.shape_window;
    const cells = texts.length * width, ids = new BigInt64Array(cells).fill(BigInt(this.about.pad_id));
    const mask = new BigInt64Array(cells), shapes = new BigInt64Array(cells * window);
    texts.forEach((text, row) => {
      text.ids.forEach((id, i) => {
        ids[row * width + i] = BigInt(id);
        mask[row * width + i] = 1n;
      });
      shapesAround(text, this.about.shape_window).forEach((around, word) => {
        shapes.set(around.map(BigInt), (row * width + text.words[word][2]) * window);
      });
    });
    const size = [texts.length, width];
    const given = { input_ids: [ids, size], attention_mask: [mask, size], word_shapes: [shapes, [...size, window]] };
    const tensors = this.session.inputNames.map((name) => [name, new ort.Tensor("int64", ...given[name])]);
    return this.session.run(Object.fromEntries(tensors));
  }

  #answer(texts, outputs, row) {
    const [text] = texts, { tasks } = this.about;
    const of = (name, i = row) => part(outputs[name], i);
    const seen = outputs.familiarity && texts.map((_, i) => Number(of("familiarity", row + i)[0]));
    const unread = texts.some((each) => each.unread);
    const familiarity = seen ? (unread ? 0 : Math.min(...seen)) : null;
    const results = tasks.filter((task) => task.texts <= texts.length)
      .map((task) => [task.name, decode(task, text, of, row)]);
    return {
      text: text.text, characters: text.characters, embedding: of("embedding"), results: new Map(results),
      truncated: texts.some((each) => each.truncated), unread, familiarity,
      unfamiliar: familiarity !== null && familiarity < 0.5,
    };
  }
}

// The rows of texts with so many tokens, in batches of like length.
const batches = (lengths) => {
  const order = [...lengths.keys()].sort((a, b) => lengths[b] - lengths[a]), found = [];
  for (const row of order) {
    const batch = found.at(-1);
    if (batch && lengths[batch[0]] * (batch.length + 1) <= AT_ONCE) batch.push(row);
    else found.push([row]);
  }
  return found;
};

// What a tensor has in its row `i`, flat.
const part = ({ data, dims }, i) => {
  const size = dims.slice(1).reduce((product, each) => product * each, 1);
  return data.slice(i * size, (i + 1) * size);
};

export const dot = (one, other) => {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i] * other[i];
  return sum;
};

// --- from logits to answers ---

const decode = (task, text, of, row) => {
  const { decode: how, labels, low, high } = task;
  if (how === "cosine") {
    const cosine = dot(of("embedding"), of("embedding", row + 1));
    return low === undefined ? cosine : low + Math.min(Math.max(cosine, 0), 1) * (high - low);
  }
  const logits = of(task.output);
  if (how === "number") return low + ((Math.min(Math.max(logits[0], -1), 1) + 1) / 2) * (high - low);
  if (how === "tags") return entities(text, logits, task);
  if (how === "softmax") {
    const shares = [...logSoftmax(logits, task.temperature)].map(Math.exp);
    return { label: labels[shares.indexOf(Math.max(...shares))], probabilities: byLabel(labels, shares) };
  }
  const shares = [...logits].map((logit) => 1 / (1 + Math.exp(-logit)));
  const found = [...shares.keys()].filter((i) => shares[i] >= task.thresholds[i]).sort((a, b) => shares[b] - shares[a]);
  const thresholds = byLabel(labels, task.thresholds);
  return { labels: found.map((i) => labels[i]), probabilities: byLabel(labels, shares), thresholds };
};
const byLabel = (labels, values) => new Map(labels.map((label, i) => [label, values[i]]));
const logSoftmax = (logits, temperature = 1) => {
  const scaled = logits.map((logit) => logit / temperature), most = Math.max(...scaled);
  const sum = Math.log(scaled.reduce((total, logit) => total + Math.exp(logit - most), 0));
  return scaled.map((logit) => logit - most - sum);
};

// As `entities` of mtl/text/words.py.
const entities = ({ characters, words }, logits, { labels, tags: { length: tags } }) => {
  if (!words.length) return [];
  const scores = words.map(([, , place]) => logSoftmax(logits.slice(place * tags, (place + 1) * tags)));
  const path = bestLegalPath(scores), found = [];
  path.forEach((tag, first) => {
    if (tag % 2 === 0) return;
    let after = first + 1;
    while (after < path.length && path[after] === tag + 1) after++;
    const start = words[first][0], limit = after < words.length ? words[after][0] : characters.length;
    let end = words[after - 1][1];
    while (end < limit && /[\p{M}\u200d\ufe0f]/u.test(characters[end])) end++;
    const sure = path.slice(first, after).map((each, i) => Math.exp(scores[first + i][each]));
    const score = Math.min(sure.reduce((sum, each) => sum + each, 0) / sure.length, 1);
    found.push({ start, end, label: labels[(tag - 1) / 2], text: characters.slice(start, end).join(""), score });
  });
  return found;
};
// The likeliest sequence of BIO tags in which I-X follows B-X or I-X alone; tags are O, B-X, I-X, B-Y, I-Y ...
const bestLegalPath = (scores) => {
  const isInside = (tag) => tag > 0 && tag % 2 === 0;
  let best = [...scores[0]].map((score, tag) => (isInside(tag) ? -Infinity : score));
  const cameFrom = scores.slice(1).map((now) => {
    const all = best.indexOf(Math.max(...best));
    const from = [...now].map((_, tag) => {
      if (!isInside(tag)) return all;
      return best[tag - 1] >= best[tag] ? tag - 1 : tag;
    });
    best = [...now].map((score, tag) => best[from[tag]] + score);
    return from;
  });
  const path = [best.indexOf(Math.max(...best))];
  for (const from of cameFrom.reverse()) path.unshift(from[path[0]]);
  return path;
};

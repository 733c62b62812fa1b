// Where the model runs: apart from the page, which stays quick meanwhile. It tells how much of the model is here
// (`loaded` of `total` bytes), then that it is `ready`, or the `problem`; then it answers what it is asked, by number.
import { Answers } from "./answers.js";
import { Model } from "./model.js";

const FOLDER = "../model/";

const bytes = async (name, told) => {
  const answer = await fetch(new URL(FOLDER + name, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  const chunks = [], reader = answer.body.getReader();
  let loaded = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    told?.(loaded += value.length);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
};
const json = async (name) => JSON.parse(new TextDecoder().decode(await bytes(name)));

const load = async () => {
  const about = await json("model.json"), total = about.bytes;
  const graph = bytes("model.onnx", (loaded) => postMessage({ loaded, total }));
  return new Answers(await Model.of(await graph, await json("tokenizer.json"), about));
};

const answers = load();
answers.then(() => postMessage({ ready: true }), (problem) => postMessage({ problem: String(problem.message ?? problem) }));
// One after another, in the order in which they were asked.
let last = answers;
onmessage = ({ data: { number, ask, given } }) => {
  last = last.then(async () => postMessage({ number, found: JSON.stringify(await (await answers)[ask](given) ?? null) }));
};

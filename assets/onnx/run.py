"""This model's answers by numpy, onnxruntime and tokenizers: python run.py "A sentence." "Another one."

Each is printed as a line of JSON, without its embedding. From Python: Model().analyze([text, (text, other_text)])
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer
from words import entities, shapes_around, words_of

HERE = Path(__file__).resolve().parent


class Model:
    def __init__(self, folder=HERE):
        self.about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.outputs = [each.name for each in self.session.get_outputs()]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.about["max_tokens"])

    def analyze(self, texts, batch=32):
        texts = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        encodings = iter(self.tokenizer.encode_batch([text for row in texts for text in row]))
        rows = [[(text, next(encodings)) for text in row] for row in texts]
        order = sorted(range(len(rows)), key=lambda i: max(len(encoding.ids) for _, encoding in rows[i]))
        answers = {}
        for some in (order[at : at + batch] for at in range(0, len(order), batch)):
            outputs, at = self._run([each for i in some for each in rows[i]]), 0
            for i in some:
                answers[i] = self._answer(rows[i], {name: each[at:] for name, each in outputs.items()})
                at += len(rows[i])
        return [answers[i] for i in range(len(rows))]

    def _run(self, texts):
        size = len(texts), max(len(encoding.ids) for _, encoding in texts)
        window = self.about["shape_window"]
        ids, mask = np.full(size, self.about["pad_id"], np.int64), np.zeros(size, np.int64)
        shapes = np.zeros((*size, 1 + 2 * window), np.int64)
        for row, (text, encoding) in enumerate(texts):
            ids[row, : len(encoding.ids)], mask[row, : len(encoding.ids)] = encoding.ids, 1
            if "word_shapes" in self.inputs and (words := words_of(encoding, text)):
                shapes[row, [position for *_, position in words]] = shapes_around(text, words, window)
        given = {"input_ids": ids, "attention_mask": mask, "word_shapes": shapes}
        return dict(zip(self.outputs, self.session.run(None, {name: given[name] for name in self.inputs}), strict=True))

    def _answer(self, row, outputs):
        (text, encoding), *others = row
        unread = any(self._is_unread(encoding) for _, encoding in row)
        familiarity = float(outputs["familiarity"][: len(row)].min()) if "familiarity" in outputs else None
        familiarity = 0.0 if unread and familiarity else familiarity
        return {
            "text": text,
            **({"text_b": others[0][0]} if others else {}),
            "embedding": outputs["embedding"][0].tolist(),
            **{t["name"]: decode(t, text, encoding, outputs) for t in self.about["tasks"] if t["texts"] <= len(row)},
            "tokens": sum(len(encoding.ids) for _, encoding in row),
            "truncated": any(encoding.overflowing for _, encoding in row),
            "unread": unread,
            "familiarity": familiarity,
            "unfamiliar": familiarity is not None and familiarity < 0.5,
        }

    def _is_unread(self, encoding):
        own = [i for i, special in zip(encoding.ids, encoding.special_tokens_mask, strict=True) if not special]
        return all(i == self.about["unknown_id"] for i in own)


def decode(task, text, encoding, outputs):
    how, labels = task["decode"], task["labels"]
    if how == "cosine":
        cosine = float(outputs["embedding"][0] @ outputs["embedding"][1])
        return task["low"] + min(max(cosine, 0.0), 1.0) * (task["high"] - task["low"]) if "low" in task else cosine
    logits = outputs[task["output"]][0]
    if how == "number":
        return task["low"] + (float(logits[0].clip(-1, 1)) + 1) / 2 * (task["high"] - task["low"])
    if how == "tags":
        words = words_of(encoding, text)
        found = entities(text, words, log_softmax(logits[[position for *_, position in words]]), labels)
        return [dict(zip(("start", "end", "label", "text", "score"), entity, strict=True)) for entity in found]
    if how == "softmax":
        shares = np.exp(log_softmax(logits / task["temperature"]))
        return {"label": labels[shares.argmax()], "probabilities": dict(zip(labels, shares.tolist(), strict=True))}
    shares = 1 / (1 + np.exp(-logits))
    found = [labels[i] for i in np.argsort(-shares, kind="stable") if shares[i] >= task["thresholds"][i]]
    of, at = (dict(zip(labels, side, strict=True)) for side in (shares.tolist(), task["thresholds"]))
    return {"labels": found, "probabilities": of, "thresholds": at}


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


if __name__ == "__main__":
    for answer in Model().analyze(sys.argv[1:] or [line.strip() for line in sys.stdin if line.strip()]):
        print(json.dumps({name: value for name, value in answer.items() if name != "embedding"}, ensure_ascii=False))

"""The peer in training: Hugging Face's Trainer as people use it, with the same heads on the same backbone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from mtl.config import TaskSpec, TrainConfig
from mtl.data.rows import Row
from mtl.kinds.tagging import tags_of
from mtl.model import MultiTaskModel
from mtl.text.spans import spans_to_tags

_IGNORED = -100


class _MultiTask(nn.Module):
    """One encoder of transformers, a linear or small head for each task, and the sum of their losses."""

    def __init__(self, folder: Path, specs: Sequence[TaskSpec], frozen: int) -> None:
        from transformers import AutoModel

        super().__init__()
        self.backbone = AutoModel.from_pretrained(folder, dtype=torch.float32)
        groups = [self.backbone.embeddings, *self.backbone.encoder.layer]
        for group in groups[:frozen]:
            group.requires_grad_(False)
        self.specs = specs
        self.heads = nn.ModuleDict({spec.name: _head(self.backbone.config.hidden_size, spec) for spec in specs})

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **targets: torch.Tensor):
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        real = attention_mask[..., None].to(hidden.dtype)
        pooled = (hidden * real).sum(1) / real.sum(1)
        loss = 0.0
        for spec in self.specs:
            if spec.kind == "tagging":
                logits = self.heads[spec.name](hidden)
                loss = loss + F.cross_entropy(logits.flatten(0, 1), targets["labels"].flatten(), ignore_index=_IGNORED)
            elif spec.kind == "classification":
                loss = loss + F.cross_entropy(self.heads[spec.name](pooled), targets[spec.name])
            else:
                loss = loss + F.mse_loss(self.heads[spec.name](pooled).squeeze(-1), targets[spec.name])
        return {"loss": loss}


def _head(dim: int, spec: TaskSpec) -> nn.Sequential:
    if not spec.hidden:
        return nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(dim, spec.outputs))
    return nn.Sequential(
        nn.Dropout(spec.dropout),
        nn.Linear(dim, spec.hidden),
        nn.GELU(),
        nn.Dropout(spec.dropout),
        nn.Linear(spec.hidden, spec.outputs),
    )


def trainer(
    model: MultiTaskModel, rows: Sequence[Row], config: TrainConfig, frozen: int, bf16: bool = False
) -> Callable[[], tuple[int, float]]:
    """A callable that trains as `config` says and gives (steps, mean loss over all of them).

    `model` lends the backbone's folder, the tasks and the tokens, which are made here and so cost the peer no time. The
    lowest `frozen` layer groups do not learn. `bf16`: in mixed precision, as Trainer has it.
    """
    from transformers import AutoTokenizer, DataCollatorForTokenClassification, Trainer, TrainingArguments

    folder = model.backbone.source.folder
    specs = list(model.tasks.values())
    examples = _examples(model, rows)
    collate = DataCollatorForTokenClassification(AutoTokenizer.from_pretrained(folder))

    def run() -> tuple[int, float]:
        torch.manual_seed(config.seed)
        with tempfile.TemporaryDirectory() as out:
            settings = TrainingArguments(
                out,
                num_train_epochs=config.epochs,
                per_device_train_batch_size=config.batch_size,
                learning_rate=config.lr,
                warmup_steps=config.warmup,
                weight_decay=config.weight_decay,
                seed=config.seed,
                use_cpu=True,
                bf16=bf16,
                remove_unused_columns=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                log_level="error",
                logging_strategy="no",
            )
            peer = Trainer(_MultiTask(folder, specs, frozen), settings, data_collator=collate, train_dataset=examples)
            assert next(peer.model.parameters()).dtype == torch.float32
            done = peer.train()
        return done.global_step, done.training_loss

    return run


def _examples(model: MultiTaskModel, rows: Sequence[Row]) -> list[dict]:
    examples = []
    for row, tokens in zip(rows, model.tokenise([row.text for row in rows]), strict=True):
        example = {"input_ids": tokens.ids, "attention_mask": [1] * len(tokens.ids)}
        for name in model.tasks:
            head, label = model.head(name), row.labels[name]
            if head.spec.kind == "tagging":
                tags = spans_to_tags(label, [(start, end) for start, end, _ in tokens.words])
                example["labels"] = [_IGNORED] * len(tokens.ids)
                for (_, _, place), tag in zip(tokens.words, tags, strict=True):
                    example["labels"][place] = tags_of(head.spec).index(tag)
            else:
                example[name] = head.target(label)
        examples.append(example)
    return examples

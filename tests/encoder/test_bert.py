"""The encoder of BERT's shape gives what transformers gives, without importing it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl.encoder import attention, backbone, bert
from mtl.text.batches import collate, tokenise

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["Short.", "A somewhat longer sentence, with a name: Ada Lovelace.", "Middling length here"]
# Long enough for torch's fused attention.
LONG = [*TEXTS, "On and on it went, " * 11]


def _theirs(folder, dtype):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def _both(folder, dtype, texts):
    """(our token vectors, theirs, our pooled vectors, theirs) for the real tokens of the texts, in float32."""
    model = backbone.load(backbone.find(folder), dtype)
    assert isinstance(model.encoder, bert.Encoder)
    batch = collate(tokenise(model.tokenizer, texts, model.max_tokens), model.pad_id)
    assert attention.fused_is_quicker(batch.ids, batch.ids.shape[1]) is False  # while a gradient is wanted
    with torch.no_grad():
        assert attention.fused_is_quicker(batch.ids, batch.ids.shape[1]) is (texts is LONG)
        theirs = _theirs(folder, dtype)(input_ids=batch.ids, attention_mask=batch.mask.long())
        mine = model.run(batch.ids, batch.mask)
        found = (mine[batch.mask], theirs.last_hidden_state[batch.mask], model.pooler(mine), theirs.pooler_output)
    return [vectors.float() for vectors in found]


@pytest.mark.parametrize("texts", [TEXTS, LONG], ids=["short", "long"])
def test_it_gives_the_same_numbers_as_transformers(tiny, texts):
    mine, theirs, my_pooled, their_pooled = _both(tiny, torch.float32, texts)
    assert torch.allclose(mine, theirs, atol=1e-6)
    assert torch.allclose(my_pooled, their_pooled, atol=1e-6)


@pytest.mark.parametrize("texts", [TEXTS, LONG], ids=["short", "long"])
def test_half_precision_is_as_near_to_the_whole_as_with_transformers(tiny, texts):
    exact, _, exact_pooled, _ = _both(tiny, torch.float32, texts)
    mine, theirs, my_pooled, their_pooled = _both(tiny, torch.bfloat16, texts)
    assert 0 < (mine - exact).square().mean() <= 1.1 * (theirs - exact).square().mean()
    assert (my_pooled - exact_pooled).square().mean() <= 1.1 * (their_pooled - exact_pooled).square().mean()


def test_padding_comes_out_as_zeros_and_changes_nothing(tiny):
    model = backbone.load(backbone.find(tiny))
    rows = tokenise(model.tokenizer, LONG, model.max_tokens)
    batch = collate(rows, model.pad_id)
    with torch.no_grad():
        together = model.run(batch.ids, batch.mask)
        assert not together[~batch.mask].any()
        for row, tokens in zip(rows, together, strict=True):
            alone = model.run(torch.tensor([row.ids]), torch.ones(1, len(row.ids), dtype=torch.bool))
            assert torch.allclose(tokens[: len(row.ids)], alone[0], atol=1e-5)


def test_it_has_the_same_weights_under_the_same_names(tiny):
    mine = backbone.load(backbone.find(tiny)).encoder.state_dict()
    theirs = _theirs(tiny, torch.float32).state_dict()
    assert list(mine) == list(theirs)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_it_learns_as_transformers_does_dropout_and_all(tiny):
    mine, theirs = bert.load(tiny, torch.float32).train(), _theirs(tiny, torch.float32).train()
    ids = torch.tensor([[101, 2023, 2003, 102], [101, 2054, 1029, 102]])
    torch.manual_seed(3)
    hidden = mine.run(mine.encoder.layer, mine.embeddings(ids), torch.ones_like(ids, dtype=torch.bool))
    torch.manual_seed(3)
    other = theirs(input_ids=ids).last_hidden_state
    assert torch.allclose(hidden, other, atol=1e-6)
    hidden.square().mean().backward()
    other.square().mean().backward()
    for (name, a), (_, b) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None), name
        # Rows of an embedding table that the batch did not use have no gradient at all.
        assert a.grad is None or torch.allclose(a.grad.to_dense(), b.grad, atol=1e-7), name


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"model_type": "roberta"},
        {"num_hidden_layers": 2},
        {"layer_norm_eps": None},
    ],
)
def test_what_is_of_another_shape_is_left_to_transformers(tmp_path, tiny, change):
    folder = shutil.copytree(tiny, tmp_path / "model")
    config = {**json.loads((folder / "config.json").read_text()), **change}
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    assert bert.load(folder, torch.float32) is None


def test_weights_under_other_names_are_left_to_transformers_which_finds_them(tmp_path, tiny):
    """As a model for masked words is saved: the encoder has a prefix, and stands beside other weights."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    save_file({f"bert.{name}": t for name, t in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    assert bert.load(folder, torch.float32) is None
    found = backbone.load(backbone.find(folder)).encoder.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_no_training_needs_transformers_or_the_compiler_of_torch():
    """They take longer to import than everything else: a run, a command and the page wait for every import."""
    code = """
import sys, tempfile, mtl
from pathlib import Path
from mtl.training import jobs
from mtl.training.runs import worker
with tempfile.TemporaryDirectory() as folder:
    for event in worker.run(jobs.prepare("assets/samples/reviews.csv", mtl.TrainConfig(batch_size=4)), Path(folder)):
        if event["event"] == "step":
            break
print(sorted({"transformers", "torch._dynamo", "sympy", "scipy", "sklearn", "pandas", "accelerate"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert run.stdout.strip() == "[]", run.stderr

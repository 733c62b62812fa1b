"""The mean of several models' weights is a model of the same kind, and what does not fit together is refused."""

import pytest
import torch

import mtl
from mtl import checkpoint
from mtl.__main__ import main
from mtl.config import ModelConfig, TaskSpec, UserError
from mtl.encoder.backbone import replace_parameter
from mtl.tools.mixing import mix

MOOD = ModelConfig(tasks=(TaskSpec("mood", "classification", ("good", "bad")),))


@pytest.fixture
def models(tiny):
    """Three that grew out of one: every weight of the top layer and of the head is its own."""

    def make(seed):
        torch.manual_seed(seed)
        model = checkpoint.derive(mtl.load(tiny, dtype="float32"), MOOD).eval()
        for name, value in list(model.named_parameters()):
            if name.startswith("heads.") or model.backbone.group_of(name.removeprefix("backbone.")) == 2:
                replace_parameter(model, name, value + torch.randn_like(value) / 10)
        return model

    return [make(seed) for seed in range(3)]


@pytest.mark.parametrize("shares", [None, [1, 1, 1], [2, 1, 0], [0.5, 0.3, 0.2]])
def test_every_weight_is_the_weighted_mean(models, shares):
    before = [{name: value.clone() for name, value in model.named_parameters()} for model in models]
    mixed = mix(models, shares)
    parts = torch.tensor(shares or [1, 1, 1], dtype=torch.float32)
    parts /= parts.sum()
    for name, value in mixed.named_parameters():
        own = torch.stack([named[name] for named in before])
        assert torch.allclose(value, torch.tensordot(parts, own, 1), atol=1e-6), name
    for model, kept in zip(models, before, strict=True):
        assert all(torch.equal(value, kept[name]) for name, value in model.named_parameters())


def test_what_no_model_changed_stays_shared_and_is_not_saved(models, tiny, tmp_path):
    mixed = mix(models)
    base = dict(mtl.load(tiny, dtype="float32").named_parameters())
    shared = [name for name, value in mixed.named_parameters() if value is base.get(name)]
    assert shared and not any(mixed.backbone.group_of(n.removeprefix("backbone.")) == 2 for n in shared)
    checkpoint.save(mixed, tmp_path / "mixed")
    again = mtl.load(tmp_path / "mixed", dtype="float32")
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), mixed.parameters(), strict=True))


def test_what_does_not_fit_together_is_refused(models, tiny):
    other = checkpoint.derive(mtl.load(tiny, dtype="float32"), ModelConfig())
    with pytest.raises(UserError, match="Model 2 does not have the heads"):
        mix([models[0], other])
    with pytest.raises(UserError, match="two models or more"):
        mix(models[:1])
    for wrong in ([1.0], [1, 1, -1], [0, 0, 0], [1, 1, float("inf")], [1, 1, float("nan")]):
        with pytest.raises(UserError, match="3 models need as many shares"):
            mix(models, wrong)
    with pytest.raises(UserError, match="grew out of"):
        mix([mtl.load(), models[0]])


def test_the_command_mixes_and_calibrates(models, tmp_path, capsys):
    folders = [str(tmp_path / f"model {i}") for i in range(3)]
    for model, folder in zip(models, folders, strict=True):
        checkpoint.save(model, folder)
    table = tmp_path / "moods.csv"
    table.write_text("text,mood\n" + "".join(f"text {i} is here,{('good', 'bad')[i % 2]}\n" for i in range(400)))
    out = str(tmp_path / "mixed")
    assert main(["mix", *folders, "--shares", "2", "1", "1", "--out", out, "--calibrate", str(table)]) == 0
    assert "mood: temperature" in capsys.readouterr().out
    texts = [f"text {i} is there" for i in range(20)]
    plain, calibrated = mix(models, [2, 1, 1]).analyze(texts), mtl.load(out, dtype="float32").analyze(texts)
    assert [a.mood.label for a in calibrated] == [a.mood.label for a in plain]
    assert [a.mood.probabilities for a in calibrated] != [a.mood.probabilities for a in plain]
    table.write_text("text,mood\n" + "".join(f"text {i} is here,{('good', 'bad')[i % 2]}\n" for i in range(20)))
    assert main(["mix", *folders, "--out", f"{out} again", "--calibrate", str(table)]) == 0
    assert "too few validation rows" in capsys.readouterr().err
    assert main(["mix", *folders, "--out", folders[0]]) == 1
    assert "Name a folder that is new or empty" in capsys.readouterr().err
    assert checkpoint.load(folders[0]) and main(["mix", *folders, "--out", str(table)]) == 1
    capsys.readouterr()
    assert main(["mix", folders[0], "--out", str(tmp_path / "one")]) == 1
    assert "two models or more" in capsys.readouterr().err

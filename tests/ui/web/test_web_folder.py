"""What keeps a page without a server from being exported is said in one sentence, and nothing is left behind."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

import mtl
from mtl import checkpoint, npm
from mtl.__main__ import main
from mtl.config import KINDS, ModelConfig, TaskSpec
from mtl.ui.kinds import VIEWS


@pytest.fixture
def refused(tiny, tmp_path, capsys):
    """What `mtl export --web` says where it cannot do it; nothing may have been written."""

    def export(*options: str, model: Path = tiny, out: Path | None = None) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main(["export", str(model), str(out or tmp_path / "out"), "--web", *options]) == 1
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return said.err.removeprefix("mtl: ").rstrip()

    return export


def test_without_npm_it_says_what_to_do(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refused()
    assert said.startswith("There is no npm here") and "install Node.js" in said and "--packages node_modules" in said


def test_where_npm_fetches_nothing_it_says_why(refused, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_prefer_online", "true")
    monkeypatch.setenv("npm_config_cache", os.devnull + "-none")
    said = refused()
    assert said.startswith("npm could not fetch @huggingface/tokenizers@") and "try again, or name a folder" in said


def test_a_folder_of_packages_has_those_that_the_page_was_tried_with(refused, tmp_path):
    assert refused("--packages", str(tmp_path / "none")).startswith("There is no folder")
    modules = tmp_path / "node_modules"
    modules.mkdir()
    for folder in (modules, tmp_path):
        assert "has no @huggingface/tokenizers; the page needs 0.2.0: npm install" in refused("--packages", str(folder))
    for package in npm.PACKAGES:
        (modules / package.name).mkdir(parents=True)
        (modules / package.name / "package.json").write_text(json.dumps({"version": package.version}))
    assert "tokenizers.min.mjs is missing: npm install" in refused("--packages", str(tmp_path))
    (modules / "onnxruntime-web" / "package.json").write_text('{"version": "1.2.3"}')
    assert "has onnxruntime-web 1.2.3; the page needs" in refused("--packages", str(tmp_path))


def test_a_missing_extra_is_named(refused, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "onnx" else find(name, *more))
    assert "needs onnx, of the extra onnx: pip install onnx" in refused()


def test_what_is_no_checkpoint_is_refused(refused, tmp_path):
    assert refused(model=tmp_path / "none") == f"There is no folder {tmp_path / 'none'}."
    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in refused(model=empty)


def test_a_place_in_use_is_left_alone(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    assert refused(out=tmp_path / "mine") == f"{tmp_path / 'mine'} is not empty. Name a new folder."
    assert refused(out=tmp_path / "mine" / "a.txt") == f"{tmp_path / 'mine' / 'a.txt'} is not empty. Name a new folder."
    # A folder that cannot be made, for whatever reason.
    assert "a.txt" in refused(out=tmp_path / "mine" / "a.txt" / "out")


def test_a_tokenizer_that_the_page_cannot_read_is_refused(refused, tiny, tmp_path):
    folder = tmp_path / "bytes"
    shutil.copytree(tiny, folder)
    tokenizer = Tokenizer(models.BPE({"<unk>": 0, "a": 1}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    said = refused(model=folder)
    assert "(WordPiece)" in said and "others (BPE)" in said and "mtl serve" in said


def test_a_kind_that_the_page_cannot_show_is_refused(refused, tiny, tmp_path, monkeypatch):
    config = ModelConfig((TaskSpec("mood", "classification", ("glad", "sad")),))
    checkpoint.save(checkpoint.derive(mtl.load(tiny, dtype="float32"), config), tmp_path / "model")
    assert "classification" in KINDS
    monkeypatch.delitem(VIEWS, "classification")
    assert "'mood' is of the kind classification, which a page without" in refused(model=tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--web", "--onnx"), "two different folders"),
        (("--onnx", "--packages", "x"), "--packages is for a page without a server"),
        (("--int8",), "--onnx --int8"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tiny, tmp_path, capsys, options, said):
    assert main(["export", str(tiny), str(tmp_path / "out"), *options]) == 1
    assert said in capsys.readouterr().err

"""The thresholds of a run on the page: what is shown, what is kept with its model, and what is refused."""

from types import SimpleNamespace

import pytest

from mtl.config import UserError
from mtl.training import thresholds as known
from mtl.training.thresholds import Threshold
from mtl.ui.train.result import thresholds

NASTY = "<b>joy"


@pytest.fixture
def progress(tmp_path):
    """A run with a head for several labels and one for two."""
    known.write(
        tmp_path / known.NAME, {"moods": {NASTY: Threshold(0.3, (0.9,), (0.2,)), "fear": Threshold(0.5, (), ())}}
    )
    validation = {"moods": {"labels": [NASTY, "fear"]}, "spam": {"labels": ["yes", "no"], "confusion": []}}
    return SimpleNamespace(run=SimpleNamespace(folder=tmp_path), validation=validation)


def test_labels_are_shown_with_their_thresholds_and_two_label_heads_in_a_line(progress):
    page = thresholds.page(progress)
    assert 'aria-label="Threshold of &lt;b&gt;joy"' in page and 'value="0.300"' in page and NASTY not in page
    assert "spam: of two labels the likelier one is answered, so there is no threshold." in page


def test_without_such_heads_there_is_nothing(tmp_path):
    assert not thresholds.page(SimpleNamespace(run=SimpleNamespace(folder=tmp_path), validation={})).strip()


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"task": "moods", "thresholds": {"x": 0.5}}', '{"task": "moods"}'])
def test_what_the_page_never_says_is_refused(progress, said):
    with pytest.raises(UserError):
        thresholds.keep(progress, said)
    assert known.read(progress.run.folder / known.NAME)["moods"]["fear"].chosen is None


def test_what_is_kept_is_what_the_browser_says(progress, monkeypatch):
    kept = []
    monkeypatch.setattr(known, "keep", lambda folder, found: kept.append(found["moods"]))
    thresholds.keep(progress, '{"task": "moods", "thresholds": {"<b>joy": null, "fear": 0.25}}')
    assert [each.used for each in kept[0].values()] == [0.3, 0.25]

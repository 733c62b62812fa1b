"""The functions for programs as Gradio's own client calls them."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from mtl.ui.programs.functions import FUNCTIONS

SENTENCE = "Marie Curie worked in Paris and loved it."


@pytest.fixture(scope="module")
def client(address):
    client = Client(address, verbose=False, analytics_enabled=False)
    yield client
    client.close()


def test_every_function_is_an_endpoint_with_its_description(client):
    found = client.view_api(return_format="dict")["named_endpoints"]
    assert found.keys() == {f"/{name}" for name in FUNCTIONS}
    for name, function in FUNCTIONS.items():
        assert found[f"/{name}"]["description"] == function.gives
        assert [each["parameter_name"] for each in found[f"/{name}"]["parameters"]] == list(function.takes)


def test_answers(client):
    for name, field in [("analyze", "sentiment"), ("predict", "answers")]:
        answer = client.predict([SENTENCE], api_name=f"/{name}")
        assert (answer["version"], answer["model"]) == (1, "default")
        assert field in answer["answers"][0]
    [answer] = client.predict([SENTENCE], api_name="/predict")["answers"]
    assert answer["answers"]["sentiment"]["label"] == "positive"
    assert set(answer["answers"]["sentiment"]["probabilities"]) == {"negative", "neutral", "positive"}
    [person, place] = answer["answers"]["entities"]
    assert {"text": "Marie Curie", "label": "PER", "start": 0, "end": 11}.items() <= person.items()
    assert SENTENCE[place["start"] : place["end"]] == place["text"] == "Paris"
    vectors = np.array(client.predict(["one", "two"], api_name="/embed")["embeddings"])
    assert vectors.shape == (2, 384)
    [pair] = client.predict(pairs=[["A dog barks.", "A dog is barking."]], api_name="/similarity")["pairs"]
    assert 0.5 < pair["cosine"] < 1 and pair["text_b"] == "A dog is barking."


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("predict", {"texts": []}, "The list of texts is empty."),
        ("predict", {"texts": ["a"], "tasks": ["mood"]}, "This model has no task 'mood'; it has"),
        ("analyze", {"texts": ["a"] * 2_001}, "2,001 texts are too many for one call; send at most 2,000."),
        ("embed", {"texts": ["a", ""]}, "Text 2 is empty."),
        ("embed", {"texts": ["a"], "pooling": "median"}, "Unknown pooling 'median'; this model has"),
        ("similarity", {"pairs": [["a"]]}, "Pair 1 is not two texts."),
    ],
)
def test_what_is_wrong_is_one_sentence(client, name, arguments, said):
    with pytest.raises(AppError) as raised:
        client.predict(**arguments, api_name=f"/{name}")
    assert str(raised.value).startswith(said) and "Traceback" not in str(raised.value)

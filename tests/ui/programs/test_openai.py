"""Embeddings as OpenAI's own client asks for them."""

from __future__ import annotations

import base64

import httpx
import numpy as np
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI

TEXTS = ["A dog barks.", "It is raining."]


@pytest.fixture(scope="module")
def client(address):
    with OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0) as client:
        yield client


def test_embeddings_are_those_of_the_model(client, default_model):
    answer = client.embeddings.create(model="default", input=TEXTS)
    assert (answer.object, answer.model) == ("list", "default")
    assert [(each.object, each.index) for each in answer.data] == [("embedding", 0), ("embedding", 1)]
    found = np.array([each.embedding for each in answer.data])
    # The server may compute in bfloat16.
    np.testing.assert_allclose((found * default_model.encode(TEXTS)).sum(1), 1, atol=0.01)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(default_model.token_counts(TEXTS))


def test_one_text_as_numbers_and_as_base64(client, address):
    numbers = client.embeddings.create(model="default", input=TEXTS[0], encoding_format="float", dimensions=384)
    asked = {"model": "default", "input": TEXTS[0], "encoding_format": "base64"}
    [coded] = httpx.post(f"{address}v1/embeddings", json=asked, timeout=60).json()["data"]
    vector = np.frombuffer(base64.b64decode(coded["embedding"]), dtype=np.float32)
    np.testing.assert_allclose(vector, numbers.data[0].embedding, atol=1e-6)


def test_the_model_is_listed(client):
    assert [model.id for model in client.models.list()] == ["default"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"input": []}, "The list of texts is empty."),
        ({"input": ""}, "Text 1 is empty."),
        ({"input": ["a", " "]}, "Text 2 is empty."),
        ({"input": ["a"] * 2_001}, "2,001 texts are too many for one call; send at most 2,000."),
        ({"input": ["a", "word " * 600]}, "Text 2 is longer than the 256 tokens that this model reads"),
        ({"input": [1, 2, 3]}, "Give input as a text or a list of texts; tokens are not taken"),
        ({"input": "a", "dimensions": 256}, "Embeddings of this model have 384 dimensions: leave dimensions out."),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format is float or base64."),
        ({"input": "a", "extra_body": {"pooling": "max"}}, "embeddings takes input, model"),
    ],
)
def test_what_is_wrong_is_one_sentence(client, asked, said):
    with pytest.raises(BadRequestError) as raised:
        client.embeddings.create(**{"model": "default", **asked})
    assert raised.value.body["message"].startswith(said)
    assert raised.value.body["type"] == "invalid_request_error"


def test_another_model_is_not_found(client):
    with pytest.raises(NotFoundError) as raised:
        client.embeddings.create(model="text-embedding-3-small", input="a")
    assert raised.value.body["message"] == "There is no model 'text-embedding-3-small' here; there is 'default'."


def test_more_than_the_server_takes_is_refused(client):
    with pytest.raises(APIStatusError) as raised:
        client.embeddings.create(model="default", input="a" * 8_000_000)
    assert raised.value.status_code == 413
    assert raised.value.body["message"] == "This is too much at once: up to 8 MB are taken. Send it in parts."

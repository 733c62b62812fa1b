"""What the project is measured against. Each function gives a callable that takes a list of texts.

The peers are run as their users run them: in float32, without gradients, with all threads that torch takes.
"""

from collections.abc import Callable
from pathlib import Path

import torch


def three_models(folder: Path) -> Callable[[list[str]], None]:
    """Three unrelated models, one sentence at a time.

    They have the shapes of a DistilBERT encoder, a DistilBERT classifier and a BERT-large tagger. Their
    weights are random, which changes the answers and not the time. `folder` lends its tokenizer, whose
    vocabulary is of their size.
    """
    from transformers import (
        AutoTokenizer,
        BertConfig,
        BertForTokenClassification,
        DistilBertConfig,
        DistilBertForSequenceClassification,
        DistilBertModel,
    )

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    large = BertConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, num_labels=9
    )
    encoder = DistilBertModel(DistilBertConfig()).eval()
    classifier = DistilBertForSequenceClassification(DistilBertConfig(num_labels=2)).eval()
    tagger = BertForTokenClassification(large).eval()

    def run(texts: list[str]) -> None:
        with torch.inference_mode():
            for text in texts:
                # Each model brings its own tokenizer, so each tokenises the sentence again.
                encoder(**tokens(text)).last_hidden_state.mean(1).numpy()
                classifier(**tokens(text)).logits.softmax(-1).tolist()
                tagger(**tokens(text)).logits.argmax(-1).tolist()

    def tokens(text: str):
        return tokenizer(text, truncation=True, return_tensors="pt", return_token_type_ids=False)

    return run


def sentence_transformers(folder: Path) -> Callable[[list[str]], None]:
    """Embeddings alone by sentence-transformers, from the same encoder's folder, in batches of 32."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    assert next(model.parameters()).dtype == torch.float32

    def run(texts: list[str]) -> None:
        model.encode(texts, batch_size=32, show_progress_bar=False)

    return run

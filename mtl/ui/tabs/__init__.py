"""The tabs, in the order of the page. Each module has a `TITLE` and `build(session)`, which makes its widgets
inside the tab that is open and wires them; its handlers are plain functions of an analysis and the widgets'
values. `WIDE` says that the column of sentences steps aside for it."""

from mtl.ui.tabs import compare, embeddings, entities, learn, sentiment, train

TABS = (embeddings, sentiment, entities, train, compare, learn)

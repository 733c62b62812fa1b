"""The tabs, in the order of the page. Each module has a `TITLE` and `build(session)`, which makes its widgets
inside the tab that is open and wires them; its handlers are plain functions of an analysis and the widgets'
values."""

from mtl.ui.tabs import embeddings, entities, sentiment

TABS = (embeddings, sentiment, entities)

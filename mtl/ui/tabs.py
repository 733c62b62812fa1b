"""The tabs, in the order of the page. Each module has a `TITLE` and `build(session)`, which makes its widgets
inside the tab that is open and wires them; its handlers are plain functions of an analysis and the widgets'
values. `WIDE` says that the column of sentences steps aside for it."""

from mtl import plugins
from mtl.ui.compare import tab as compare
from mtl.ui.embeddings import tab as embeddings
from mtl.ui.entities import tab as entities
from mtl.ui.learn import tab as learn
from mtl.ui.overview import tab as overview
from mtl.ui.sentiment import tab as sentiment
from mtl.ui.train import tab as train

TABS = (
    overview,
    embeddings,
    sentiment,
    entities,
    train,
    compare,
    learn,
    *(m for m in plugins.MODULES if hasattr(m, "build")),
)

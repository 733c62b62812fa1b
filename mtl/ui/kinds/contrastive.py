"""How pairs of texts without a score are shown."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mtl.kinds.contrastive import Contrastive
from mtl.ui.kinds.view import Scores, View
from mtl.ui.widgets import markup


class ContrastiveView(View):
    kind = Contrastive.name
    use = "texts that belong together"
    about = "the partner of a text"
    tab = ""

    def preview_cell(self, value: bool, text: str, labels: Sequence[str]) -> str:
        return "belong together"

    def score_details(self, before: Scores | None, after: Scores) -> Markup:
        count = int(after["candidates"])
        return markup.note(f"Guessing among {count:,} texts finds {100 / count:.1f} %.")

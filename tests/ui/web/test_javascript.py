"""Templates as JavaScript: all that the exported page draws, and nothing that would mean something else there."""

import pytest
from jinja2 import DictLoader

from mtl.ui import templates
from mtl.ui.web import export
from mtl.ui.web.javascript import translate


def of(monkeypatch, source: str) -> str:
    monkeypatch.setattr(templates._ENVIRONMENT, "loader", DictLoader({"some.html": source}))
    return translate(["some.html"])


def test_every_template_that_is_drawn_in_the_browser_is_translated():
    script = translate(export.TEMPLATES)
    for macro in ("parts", "answers", "kinds", "overview"):
        assert f"export const {macro} = {{" in script


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ text }}", "out.push(text);"),
        ("{% if not text %}no{% endif %}", 'if ($.truth(!$.truth(text))) { out.push($.safe("no")); }'),
        ("{% for one, other in text.items() %}{{ loop.first }}{% endfor %}", "[[one, other], loop] of $.loop("),
        ("{{ '%.1f' % text }}", '$.format("%.1f", text)'),
        ("{{ text[:4] }}", "$.slice(text, undefined, 4)"),
        ("{{ 'a' if text else 'b' }}", '($.truth(text) ? "a" : "b")'),
    ],
)
def test_what_templates_use_has_its_counterpart(monkeypatch, source, expected):
    script = of(monkeypatch, f"{{% macro some(text) %}}{source}{{% endmacro %}}")
    assert expected in script


@pytest.mark.parametrize(
    "source",
    [
        "{{ text ** 2 }}",
        "{{ text is sequence }}",
        "{{ unknown }}",
        "{% for each in text %}{% else %}none{% endfor %}",
        "{% for each in text if each %}{{ each }}{% endfor %}",
        "{{ text|join(d=1) }}",
        "{% filter upper %}a{% endfilter %}",
    ],
)
def test_what_has_no_counterpart_is_refused_before_anybody_sees_it(monkeypatch, source):
    with pytest.raises(NotImplementedError, match=r"some\.html, line 1"):
        of(monkeypatch, f"{{% macro some(text) %}}{source}{{% endmacro %}}")

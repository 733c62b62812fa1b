"""The page's templates as JavaScript, so that a page without a server draws what the server's page draws.

They are written for Jinja2, with methods and operators of Python that Nunjucks, its nearest relative in JavaScript,
does not know. Each becomes an object whose functions are its macros, over `assets/web/jinja.js`. What a template uses
of Jinja2 beyond what is here is refused when it is translated, and never on the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from jinja2 import nodes

from mtl.ui import templates

# What the templates may name beside their own: functions of `assets/web/labels.js`.
_GLOBALS = ("colours", "ink", "plural", "shorten")
_COMPARED = {"eq": "===", "ne": "!==", "gt": ">", "lt": "<", "gteq": ">=", "lteq": "<="}
_CALCULATED = {nodes.Add: "+", nodes.Sub: "-", nodes.Div: "/"}


def translate(names: Sequence[str]) -> str:
    """A module of these templates, each exported under its name without .html; those that a template takes macros from
    stand before it.

    Raises `NotImplementedError` for what has no counterpart in JavaScript."""
    parsed = {name: templates.parse(name) for name in names}
    arguments = {
        (name, macro.name): [argument.name for argument in macro.args]
        for name, template in parsed.items()
        for macro in template.find_all(nodes.Macro)
    }
    head = f"import {{ {', '.join(_GLOBALS)} }} from './labels.js';\nimport * as $ from './jinja.js';\n"
    return head + "".join(_Template(name, template, arguments).script() for name, template in parsed.items())


def _module(name: str) -> str:
    return name.removesuffix(".html")


class _Template:
    def __init__(self, name: str, tree: nodes.Template, arguments: dict[tuple[str, str], list[str]]) -> None:
        self.name, self.tree, self.arguments = name, tree, arguments
        # What a name means at the top of the template, and the macro that it is there.
        self.known: dict[str, str] = {}
        self.macros: dict[str, tuple[str, str]] = {}
        self.local: set[str] = set()

    def script(self) -> str:
        members = []
        for node in self.tree.body:
            if isinstance(node, nodes.FromImport):
                for name in node.names:
                    self._declare(name, node.template.value)
            elif isinstance(node, nodes.Macro):
                self._declare(node.name, self.name)
            elif isinstance(node, nodes.Assign):
                self.known[node.target.name] = f"{_module(self.name)}.{node.target.name}"
        for node in self.tree.body:
            if isinstance(node, nodes.Macro):
                members.append(self._macro(node))
            elif isinstance(node, nodes.Assign):
                members.append(f"{node.target.name}: {self.of(node.node)}")
        return f"export const {_module(self.name)} = {{\n{''.join(f'  {each},{chr(10)}' for each in members)}}};\n"

    def _declare(self, name: str, template: str) -> None:
        self.known[name] = f"{_module(template)}.{name}"
        if (template, name) in self.arguments:
            self.macros[name] = template, name

    def _macro(self, macro: nodes.Macro) -> str:
        names = {node.name for node in macro.find_all(nodes.Name) if node.ctx in ("store", "param")}
        self.local = names | {"caller", "loop"}
        plain = len(macro.args) - len(macro.defaults)
        defaults = ["", *(f" = {self.of(default)}" for default in macro.defaults)]
        arguments = [argument.name + defaults[max(place - plain + 1, 0)] for place, argument in enumerate(macro.args)]
        # Whoever calls it with a body gives that as `this.caller`.
        body = f"const caller = this?.caller; return {self._markup(macro.body)};"
        return f"{macro.name}({', '.join(arguments)}) {{ {body} }}"

    def _markup(self, body: Iterable[nodes.Node]) -> str:
        return f"$.built(function (out) {{ {self._statements(body)} }})"

    def _statements(self, body: Iterable[nodes.Node]) -> str:
        return " ".join(self._statement(node) for node in body)

    def _statement(self, node: nodes.Node) -> str:
        match node:
            case nodes.Output():
                return " ".join(self._output(part) for part in node.nodes)
            case nodes.If():
                others = [f"else if ($.truth({self.of(e.test)})) {{ {self._statements(e.body)} }}" for e in node.elif_]
                last = f"else {{ {self._statements(node.else_)} }}" if node.else_ else ""
                first = f"if ($.truth({self.of(node.test)})) {{ {self._statements(node.body)} }}"
                return " ".join([first, *others, last])
            case nodes.For(test=None, else_=[]):
                return (
                    f"for (const [{self._target(node.target)}, loop] of $.loop({self.of(node.iter)})) "
                    f"{{ {self._statements(node.body)} }}"
                )
            case nodes.Assign():
                return f"var {self._target(node.target)} = {self.of(node.node)};"
            case nodes.AssignBlock(filter=None):
                return f"var {self._target(node.target)} = {self._markup(node.body)};"
            case nodes.CallBlock(args=[]):
                return f"out.push({self._call(node.call, body='() => ' + self._markup(node.body))});"
        raise NotImplementedError(f"{self.name}, line {node.lineno}: a statement {type(node).__name__}")

    def _output(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.TemplateData):
            return f"out.push($.safe({json.dumps(node.data, ensure_ascii=False)}));"
        return f"out.push({self.of(node)});"

    def _target(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Tuple):
            return f"[{', '.join(self._target(item) for item in node.items)}]"
        return node.name

    def of(self, node: nodes.Node) -> str:
        """An expression."""
        match node:
            case nodes.Const():
                return json.dumps(node.value, ensure_ascii=False)
            case nodes.TemplateData():
                return f"$.safe({json.dumps(node.data, ensure_ascii=False)})"
            case nodes.Name(name=name) if name in self.local:
                return name
            case nodes.Name(name=name) if name in self.known or name in _GLOBALS:
                return self.known.get(name, name)
            case nodes.Tuple() | nodes.List():
                return f"[{', '.join(map(self.of, node.items))}]"
            case nodes.Dict():
                pairs = (f"[{self.of(pair.key)}, {self.of(pair.value)}]" for pair in node.items)
                return f"new Map([{', '.join(pairs)}])"
            case nodes.Call():
                return self._call(node)
            case nodes.Filter(kwargs=[]):
                given = [node.node, *node.args]
                return f"$.filters.{node.name}({', '.join(map(self.of, given))})"
            case nodes.Test(name=name) if name in ("defined", "none", "string", "integer", "escaped"):
                return f"$.tests.{name}({self.of(node.node)})"
            case nodes.Getattr():
                return f"$.at({self.of(node.node)}, {json.dumps(node.attr)})"
            case nodes.Getitem(arg=nodes.Slice(step=None) as part):
                ends = [self.of(end) if end else "undefined" for end in (part.start, part.stop)]
                return f"$.slice({self.of(node.node)}, {', '.join(ends)})"
            case nodes.Getitem():
                return f"$.at({self.of(node.node)}, {self.of(node.arg)})"
            case nodes.CondExpr():
                other = self.of(node.expr2) if node.expr2 else '""'
                return f"($.truth({self.of(node.test)}) ? {self.of(node.expr1)} : {other})"
            case nodes.And() | nodes.Or():
                left, right = self.of(node.left), self.of(node.right)
                either = (right, left) if isinstance(node, nodes.And) else (left, right)
                return f"($.truth({left}) ? {either[0]} : {either[1]})"
            case nodes.Not():
                return f"!$.truth({self.of(node.node)})"
            case nodes.Neg():
                return f"-({self.of(node.node)})"
            case nodes.Compare(ops=[operand]) if operand.op in _COMPARED:
                return f"({self.of(node.expr)} {_COMPARED[operand.op]} {self.of(operand.expr)})"
            case nodes.Compare(ops=[operand]) if operand.op in ("in", "notin"):
                sign = "!" if operand.op == "notin" else ""
                return f"{sign}$.holds({self.of(operand.expr)}, {self.of(node.expr)})"
            case nodes.Mod():
                return f"$.format({self.of(node.left)}, {self.of(node.right)})"
            case nodes.Mul():
                return f"$.times({self.of(node.left)}, {self.of(node.right)})"
            case nodes.BinExpr() if type(node) in _CALCULATED:
                return f"({self.of(node.left)} {_CALCULATED[type(node)]} {self.of(node.right)})"
            case nodes.Concat():
                return f"({' + '.join(f'String({self.of(part)})' for part in node.nodes)})"
        raise NotImplementedError(f"{self.name}, line {node.lineno}: {node}")

    def _call(self, node: nodes.Call, body: str | None = None) -> str:
        given = [self.of(argument) for argument in node.args]
        if isinstance(node.node, nodes.Getattr):  # a method of Python's
            return f"$.methods.{node.node.attr}({', '.join([self.of(node.node.node), *given])})"
        called, name = self.of(node.node), getattr(node.node, "name", "")
        if node.kwargs:
            named = {each.key: self.of(each.value) for each in node.kwargs}
            order = self.arguments[self.macros[name]][len(given) :]
            last = max(map(order.index, named))
            given += [named.get(argument, "undefined") for argument in order[: last + 1]]
        if node.dyn_args:
            given.append(f"...{self.of(node.dyn_args)}")
        if body is not None:
            return f"{called}.call({', '.join([f'{{ caller: {body} }}', *given])})"
        return f"{called}({', '.join(given)})"

"""Conditions and values of flows: `flow.count > 3 and contact.city in ["Pune", "Delhi"] and not empty(flow.note)`.

The grammar is Python's, because `ast` gives its rules of precedence for nothing; the language is not. What Python may
parse is decided before it does: the text is cut into tokens of our own, and anything else (keywords, escapes, braces,
a name that is neither variable nor function) is refused with its place and a cure. A variable such as `flow.from` is
one flat name, so it is handed to Python as a placeholder of the same length: there is no attribute for anybody to
reach, a Python keyword is a good name, and columns stay true. The tree, of white-listed nodes only, becomes closures
once; evaluating looks up names in a mapping of plain data and calls nothing that is not in `FUNCTIONS`.

`and`, `or` and `if` take everything as true but nothing, no, 0, "" and the empty list; `and` and `or` give the value
that decided, so `contact.name or "friend"` has a meaning. A variable that is not set is None. Texts are compared
letter by letter; `contains`, `starts_with` and `ends_with` overlook case and accents.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from frontdesk.core.functions import FUNCTIONS
from frontdesk.core.token import Misread, Token, nearest, tokens, variable
from frontdesk.core.value import EvaluationError, Value, add, calculate, checked_list, is_in, look_up, negative, order

__all__ = ["EvaluationError", "Expression", "ExpressionError", "Value", "compile_expression"]

SOURCE_CHARACTERS_MAX = 1_000
NODES_MAX = 200
DEPTH_MAX = 20

Run = Callable[[Mapping[str, Value]], Value]

_KEYWORDS = {"and", "or", "not", "in", "if", "else"}
_CONSTANTS = {"true": "True", "false": "False", "none": "None"}
_CURES = {
    "=": "to compare, write ==",
    "!": "write not",
    "&&": "write and",
    "||": "write or",
    "|": "write or",
    "is": "to compare, write ==",
    "**": "powers are not known; multiply with *",
    "//": "divide with / and use round(…)",
    "null": "write none",
    "}}": "take it out",
}
_OPERATIONS: dict[type[ast.operator | ast.cmpop | ast.unaryop], Callable[..., Value]] = {
    ast.Add: add,
    ast.Sub: partial(calculate, "-"),
    ast.Mult: partial(calculate, "*"),
    ast.Div: partial(calculate, "/"),
    ast.Mod: partial(calculate, "%"),
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: partial(order, "<"),
    ast.LtE: partial(order, "<="),
    ast.Gt: partial(order, ">"),
    ast.GtE: partial(order, ">="),
    ast.In: is_in,
    ast.NotIn: lambda left, right: not is_in(left, right),
    ast.Not: lambda value: not value,
    ast.USub: negative,
    ast.UAdd: partial(calculate, "+", 0),
}


class ExpressionError(ValueError):
    """The expression cannot be used: a sentence with the cure, and the column (from 1) where it fails."""

    def __init__(self, sentence: str, column: int) -> None:
        super().__init__(f"{sentence} (column {column})")
        self.sentence = sentence
        self.column = column


class Expression(Struct, frozen=True, kw_only=True, eq=False):
    """An expression that was read: what the author wrote, the variables in it, and how it is evaluated."""

    text: str
    names: frozenset[str]
    run: Run

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Its value for these variables (`{"flow.count": 3}`); raises EvaluationError if it has none."""
        try:
            return self.run(values)
        except EvaluationError as error:
            raise EvaluationError(f"“{self.text[:80]}” has no value: {error.sentence}") from None


def compile_expression(text: str) -> Expression:
    """Read an expression of at most 1,000 characters, 200 parts and 20 levels; raises ExpressionError."""
    try:
        source, names = _screened(text)
        return Expression(text=text, names=frozenset(names.values()), run=_Compiler(source, names).read())
    except Misread as error:
        raise ExpressionError(error.sentence, min(error.at, len(text)) + 1) from None


def _screened(text: str) -> tuple[str, dict[str, str]]:
    """The text as Python may parse it, with every character at its place, and the variable behind each placeholder."""
    if len(text) > SOURCE_CHARACTERS_MAX:
        sentence = (
            f"The expression is too long; at most {SOURCE_CHARACTERS_MAX} characters fit, so set a variable first."
        )
        raise Misread(sentence, SOURCE_CHARACTERS_MAX)
    pieces = list(tokens(text))
    if not pieces:
        raise Misread("The expression is empty; write a condition or a value.", 0)
    _check_nesting(pieces)
    source, names, end = "", dict[str, str](), 0
    for token, following in zip(pieces, [*pieces[1:], None], strict=True):
        written = _admitted(token, following)
        if written is None:
            written = f"v{len(names)}".ljust(len(token.text), "_")
            names[written] = variable(token)
        source += " " * (token.at - end) + written
        end = token.end
    return source, names


def _admitted(token: Token, following: Token | None) -> str | None:
    """How the token is written in Python; None for a variable."""
    word = token.text
    if word in _CURES:
        raise Misread(f"“{word}” has no meaning here; {_CURES[word]}.", token.at)
    if following and _is_operand(token) and _is_operand(following):
        raise Misread("Two values stand side by side; put a sign or a comma between them.", following.at)
    if token.kind == "number":
        return word if "." in word else str(int(word)).rjust(len(word))  # 007 is no number to Python
    if token.kind != "name" or word in _KEYWORDS:
        return word
    if word.lower() in _CONSTANTS:
        return _CONSTANTS[word.lower()]
    if "." not in word and following and following.text == "(":
        if word not in FUNCTIONS:
            raise Misread(f"There is no function “{word[:40]}”{nearest(word, FUNCTIONS)}.", token.at)
        return word
    if word in FUNCTIONS:
        raise Misread(f"“{word}” is a function; write {FUNCTIONS[word].usage}.", token.at)
    return None


def _is_operand(token: Token) -> bool:
    return token.kind != "sign" and token.text not in _KEYWORDS | _CURES.keys()


def _check_nesting(pieces: list[Token]) -> None:
    """Brackets match and are not deep, and no row of signs is long: nothing that would tire Python's parser."""
    is_open: list[Token] = []
    prefixes = 0
    for token in pieces:
        prefixes = prefixes + 1 if token.text in {"not", "-", "+"} else 0
        if token.text in {"(", "["}:
            is_open.append(token)
        elif token.text in {")", "]"} and (not is_open or is_open.pop().text + token.text not in {"()", "[]"}):
            raise Misread(f"Nothing that was opened is closed by this “{token.text}”; take it out.", token.at)
        if max(len(is_open), prefixes) > DEPTH_MAX:
            raise Misread(_TOO_DEEP, token.at)
    if is_open:
        raise Misread(f"This “{is_open[-1].text}” is never closed; add the other one.", is_open[-1].at)


_TOO_DEEP = f"The expression is nested too deep; at most {DEPTH_MAX} levels are read, so set a variable first."


class _Compiler:
    """From one tree to one closure, counting."""

    def __init__(self, source: str, names: dict[str, str]) -> None:
        self.source = f"({source})"  # lines may be broken inside; places count from 1, like columns
        self.names = names
        self.nodes = 0

    def read(self) -> Run:
        try:
            tree = ast.parse(self.source, mode="eval")
        except SyntaxError as error:
            at = max((error.offset or 1) - 2, 0)
            raise Misread(
                "From here it cannot be read; a value, a sign or a comma is missing or too many.", at
            ) from None
        except (RecursionError, MemoryError):
            raise Misread(_TOO_DEEP, 0) from None
        return self.closure(tree.body, 1)

    def closure(self, node: ast.expr, depth: int) -> Run:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            sentence = f"The expression has too many parts; at most {NODES_MAX} are read, so set a variable first."
            raise Misread(sentence, self.at(node))
        if depth > DEPTH_MAX:
            raise Misread(_TOO_DEEP, self.at(node))
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return lambda _: value
            case ast.Name(id=placeholder):
                name = self.names[placeholder]
                return lambda values: look_up(values, name)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                runs = self.closures(items, depth)
                return lambda values: checked_list(tuple([run(values) for run in runs]))
            case ast.BoolOp(op=sign, values=operands):
                return _deciding(self.closures(operands, depth), until=isinstance(sign, ast.Or))
            case ast.UnaryOp(op=sign, operand=operand):
                return _applied(_OPERATIONS[type(sign)], self.closures([operand], depth))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATIONS:
                return _applied(_OPERATIONS[type(sign)], self.closures([left, right], depth))
            case ast.Compare(left=left, ops=signs, comparators=others):
                return _chained([_OPERATIONS[type(sign)] for sign in signs], self.closures([left, *others], depth))
            case ast.IfExp(test=test, body=body, orelse=other):
                when, then, otherwise = self.closures([test, body, other], depth)
                return lambda values: then(values) if when(values) else otherwise(values)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return self.call(node, name, arguments, depth)
            case _:
                cure = "there are only variables, values, lists, functions, and signs between them"
                raise Misread(f"This way of writing is not known; {cure}.", self.at(node))

    def closures(self, nodes: list[ast.expr], depth: int) -> list[Run]:
        return [self.closure(node, depth + 1) for node in nodes]

    def call(self, node: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> Run:
        function = FUNCTIONS[name]
        if not function.least <= len(arguments) <= function.most:
            raise Misread(f"{name} was given {len(arguments)} values; write {function.usage}.", self.at(node))
        return _applied(function.call, self.closures(arguments, depth))

    def at(self, node: ast.expr) -> int:
        """How many characters of the author's text stand before the node (Python counts bytes)."""
        return len(self.source.encode()[: node.col_offset].decode()) - 1


def _applied(operation: Callable[..., Value], runs: list[Run]) -> Run:
    match runs:
        case [only]:
            return lambda values: operation(only(values))
        case [left, right]:
            return lambda values: operation(left(values), right(values))
        case _:
            return lambda values: operation(*[run(values) for run in runs])


def _deciding(runs: list[Run], *, until: bool) -> Run:
    *first, last = runs

    def run(values: Mapping[str, Value]) -> Value:
        for operand in first:
            value = operand(values)
            if bool(value) is until:
                return value
        return last(values)

    return run


def _chained(tests: list[Callable[..., Value]], runs: list[Run]) -> Run:
    if len(tests) == 1:
        return _applied(tests[0], runs)
    begin, *others = runs

    def run(values: Mapping[str, Value]) -> Value:
        left = begin(values)
        for test, other in zip(tests, others, strict=True):
            right = other(values)
            if not test(left, right):
                return False
            left = right
        return True

    return run

"""iota2's configuration files: sections in braces, as the package `config` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.parser import ASTNode, ListBody, MappingBody, Parser, ParserError
from config.tokens import (
    COMMA,
    EOF,
    FALSE,
    FLOAT,
    INTEGER,
    KEYWORDS,
    MINUS,
    NEWLINE,
    NONE,
    PLUS,
    PYKEYWORDS,
    RCURLY,
    STRING,
    TRUE,
    WORD,
    RecognizerError,
    Token,
)

from sitsflow.errors import ConfigError, Fault

_LITERALS = (STRING, INTEGER, FLOAT, TRUE, FALSE, NONE)


class _Iota2Parser(Parser):  # type: ignore[misc]  # the package has no types
    """The package's parser, lenient where iota2's own pages are.

    They print entries side by side on a line (``{ a : '1'  b : '2' }``), which the package
    takes for a mistake.
    """

    def expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            raise _unexpected(self.token, f", but {kind!r}")
        return super().expect(kind)

    def mapping_body(self) -> MappingBody:
        body = MappingBody()
        body.start = self.token.start
        kind = self.consume_newlines()
        while kind in (WORD, STRING):
            key = self.object_key()
            if self.token.kind not in (":", "="):
                raise _unexpected(self.token)
            self.advance()
            self.consume_newlines()
            body.append((key, self.expr()))
            kind = self.token.kind
            if kind in (NEWLINE, COMMA):
                self.advance()
                kind = self.consume_newlines()
        if kind not in (RCURLY, EOF):
            raise _unexpected(self.token)
        body.end = self.token.end
        return body


def parse_cfg(text: str, source: str = "the configuration") -> dict[str, Any]:
    """Read iota2's syntax into nested plain values.

    Raises
    ------
    ConfigError
        With line, column and text of what is not understood.
    """
    parser = _Iota2Parser()
    try:
        body = parser.parse(text)
        if parser.token.kind != EOF:
            raise _unexpected(parser.token)
        return _mapping(body)
    except RecognizerError as error:
        place, message = _where(error, text)
        raise ConfigError([Fault(place, message)], source) from None
    except (IndexError, RecursionError):
        # The package's tokenizer looks past the end of what it was given.
        raise ConfigError([Fault("syntax", "not iota2's syntax")], source) from None


def _unexpected(token: Token, wanted: str = "") -> ParserError:
    what = {EOF: "the end of the file", NEWLINE: "the end of the line"}.get(token.kind)
    return _located(f"{what or repr(token.text)} is not expected here{wanted}", token.start)


def _located(message: str, location: tuple[int, int] | None) -> ParserError:
    error = ParserError(message)
    error.location = location
    return error


def _where(error: RecognizerError, text: str) -> tuple[str, str]:
    message = str(error).split(" at (")[0]
    location = getattr(error, "location", None)
    if not location:
        return "syntax", message
    line, column = location
    lines = text.splitlines()
    shown = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return f"line {line}, column {column}", f"{message}: {shown}" if shown else message


def _mapping(body: MappingBody) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, node in body:
        if key.value in values:
            raise _located(f"{key.value!r} is given twice", key.start)
        values[key.value] = _value(node)
    return values


def _value(node: Any) -> Any:
    if isinstance(node, MappingBody):
        return _mapping(node)
    if isinstance(node, ListBody):
        return [_value(item) for item in node]
    if isinstance(node, ASTNode):
        return _signed(node)
    if node.kind in _LITERALS:
        return node.value
    hint = "put text in quotes" if node.kind == WORD else "only plain values are understood"
    raise _located(f"{node.text!r}: {hint}", node.start)


def _signed(node: ASTNode) -> int | float:
    operand = node.get("operand")
    if node.get("op") in (MINUS, PLUS) and getattr(operand, "kind", None) in (INTEGER, FLOAT):
        value: int | float = operand.value
        return -value if node["op"] == MINUS else value
    while isinstance(node, ASTNode):
        node = node.get("operand") or node.get("lhs")
    start = getattr(node, "start", None)
    raise _located("only plain values are understood, no references or sums", start)


def render_cfg(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Write nested plain values in iota2's syntax."""
    blocks = []
    for name, section in sections.items():
        entries = [f"  {_key(key)} : {_text(value)}" for key, value in section.items()]
        blocks.append("\n".join([f"{_key(name)} :", "{", *entries, "}", ""]))
    return "".join(blocks)


def _key(name: str) -> str:
    plain = name.isascii() and name.isidentifier() and name not in (*KEYWORDS, *PYKEYWORDS)
    return name if plain else _quoted(name)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(k))}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    # The package reads 1e16, but not 1e+16 as Python writes it.
    return repr(value).replace("e+", "e") if isinstance(value, float) else repr(value)


def _quoted(text: str) -> str:
    return "'" + "".join(_escaped(character) for character in text) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return "\\" + character
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\U{number:08x}"

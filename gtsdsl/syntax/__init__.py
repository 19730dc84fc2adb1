"""Parser of the DSL: text to syntax nodes."""

from gtsdsl.syntax.parser import ParseResult, parse, parse_expression

__all__ = ["ParseResult", "parse", "parse_expression"]

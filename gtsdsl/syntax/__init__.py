"""From text to syntax nodes."""

from gtsdsl.syntax.parser import Parsed, parse, parse_expression

__all__ = ["Parsed", "parse", "parse_expression"]

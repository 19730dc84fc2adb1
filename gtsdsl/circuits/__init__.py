"""What is known of the delay between two sites, with where each figure comes from."""

from gtsdsl.circuits.known import find, measured, measurement
from gtsdsl.circuits.model import Circuit, Circuits, Measurement, Pair, Site
from gtsdsl.circuits.own import parse_circuits, read_circuits, to_json
from gtsdsl.circuits.sites import SITES, canonical, site

__all__ = [
    "SITES",
    "Circuit",
    "Circuits",
    "Measurement",
    "Pair",
    "Site",
    "canonical",
    "find",
    "measured",
    "measurement",
    "parse_circuits",
    "read_circuits",
    "site",
    "to_json",
]

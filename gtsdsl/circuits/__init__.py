"""Circuits between sites: their round-trip times, and the source of each figure."""

from gtsdsl.circuits.custom import parse_circuits, read_circuits, to_json
from gtsdsl.circuits.lookup import find, measured, measurement, pair
from gtsdsl.circuits.model import Circuit, Circuits, Effect, Measurement, Pair, Site
from gtsdsl.circuits.samples import MeasuredDelays, read_samples
from gtsdsl.circuits.sites import SITES, canonical, site
from gtsdsl.circuits.study import as_measured

__all__ = [
    "SITES",
    "Circuit",
    "Circuits",
    "Effect",
    "MeasuredDelays",
    "Measurement",
    "Pair",
    "Site",
    "as_measured",
    "canonical",
    "find",
    "measured",
    "measurement",
    "pair",
    "parse_circuits",
    "read_circuits",
    "read_samples",
    "site",
    "to_json",
]

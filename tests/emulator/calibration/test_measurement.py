"""The times of packets without Python's part, impossible times, and stages that are missing with others."""

from __future__ import annotations

import pytest

from emulator.calibration import measurement
from emulator.calibration.chains import CHAINS, DATAGRAM, FRAME
from emulator.calibration.fit import Samples, estimate
from emulator.calibration.measurement import PYTHON, measure, python_call_ns, with_dependents, without_python
from emulator.system.errors import EmulationError
from tests.emulator.calibration.test_fit import COSTS, STAGES

SYSTEM_CALL_NS, CALL_NS = 100.0, 300.0


def samples(disturbed_ns: float = 0.0) -> Samples:
    """Return the times of a chain of two calls, alone and with idle calls; one size of the latter is disturbed."""
    alone: dict[int, list[float | None]] = {128: [1000.0, None, 1010.0], 512: [1100.0] * 3, 1500: [1200.0] * 3}
    idle_ns = 2 * (SYSTEM_CALL_NS + CALL_NS)
    with_idle = {size: [None if ns is None else ns + idle_ns for ns in column] for size, column in alone.items()}
    with_idle[512] = [1100.0 + idle_ns + disturbed_ns] * 3
    return {"socket": alone, PYTHON: with_idle}


@pytest.mark.parametrize("disturbed_ns", [0.0, 2500.0, -2500.0])
def test_a_size_that_was_disturbed_does_not_change_pythons_part(disturbed_ns: float) -> None:
    assert python_call_ns(samples(disturbed_ns), SYSTEM_CALL_NS) == pytest.approx(CALL_NS)


def test_pythons_part_is_taken_off_and_a_burst_that_did_not_count_stays_so() -> None:
    found, impossible = without_python(samples(), {"socket": 2 * CALL_NS})
    assert found == {"socket": {128: [400.0, None, 410.0], 512: [500.0] * 3, 1500: [600.0] * 3}}
    assert impossible == 0


def test_a_time_that_is_no_longer_than_pythons_part_does_not_count() -> None:
    found, impossible = without_python(samples(), {"socket": 1000.0})
    assert found == {"socket": {128: [None, None, 10.0], 512: [100.0] * 3, 1500: [200.0] * 3}}
    assert impossible == 1


def test_a_chain_of_which_no_time_of_a_size_counts_is_left_out() -> None:
    assert without_python(samples(), {"socket": 1050.0}) == ({}, 2)


def test_an_impossible_time_does_not_make_a_stage_free() -> None:
    """Each chain has a disturbed time of its smallest frame, as on a busy machine."""
    python_ns = dict.fromkeys((FRAME, DATAGRAM), 900.0)
    raw: Samples = {
        chain: {
            128: [850.0, *[part_ns + COSTS[chain].of(128)] * 2],
            1500: [part_ns + COSTS[chain].of(1500)] * 3,
        }
        for chain, part_ns in python_ns.items()
    }
    found, impossible = without_python(raw, python_ns)
    assert impossible == len(raw)
    costs = estimate(STAGES, found, python_ns)
    for chain in raw:
        assert costs[chain].cost.packet_ns == pytest.approx(COSTS[chain].packet_ns)


def test_a_stage_from_which_a_missing_one_is_subtracted_is_missing_with_the_reason() -> None:
    missing = {"vxlan": "this kernel has no VXLAN", DATAGRAM: "other work disturbed the packets of this chain"}
    assert with_dependents(missing, CHAINS) == {
        **missing,
        "ipsec": "the times of datagrams without encryption are missing, which are subtracted",
    }


def test_a_reason_of_its_own_is_kept() -> None:
    missing = {DATAGRAM: "other work disturbed the packets of this chain", "ipsec": "this kernel has no IPsec"}
    assert with_dependents(missing, CHAINS) == missing
    assert with_dependents({}, CHAINS) == {}


@pytest.mark.parametrize(
    ("stage", "packets"),
    [
        (FRAME, "frames that are dropped at once"),
        ("veth", "frames over a veth pair"),
        ("socket", "datagrams over a veth pair"),
    ],
)
def test_nothing_is_measured_without_the_stages_that_nearly_all_chains_have(stage: str, packets: str) -> None:
    with pytest.raises(EmulationError) as caught:
        with_dependents({stage: "other work"}, CHAINS)
    assert str(caught.value) == f"nothing can be measured here without the times of {packets}: other work"


def lose(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each burst of a stage's chain be disturbed, and all other packets take 10 µs."""
    monkeypatch.setattr(measurement, "_packet_ns", lambda cell: None if cell.stage == stage else 10_000.0)


@pytest.mark.networks
def test_a_measurement_has_no_samples_of_a_stage_that_cannot_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lose(DATAGRAM, monkeypatch)
    found = measure(2, None, lambda *_: None)
    assert found.missing.keys() >= {DATAGRAM, "ipsec"}
    assert not found.missing.keys() & found.samples.keys()


@pytest.mark.networks
@pytest.mark.parametrize("stage", [FRAME, "veth", "socket", PYTHON])
def test_a_measurement_without_a_stage_that_nearly_all_chains_have_is_refused(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(stage, monkeypatch)
    with pytest.raises(EmulationError, match=r"nothing can be measured here .*: other work disturbed each burst"):
        measure(2, None, lambda *_: None)

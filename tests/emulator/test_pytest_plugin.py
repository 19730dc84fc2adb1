"""The fixture of the pytest plugin: a network of the topology that the marker names."""

from __future__ import annotations

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.samples import PAIR


def test_the_pytest_plugin(pytester: pytest.Pytester, guest_kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(guest_kernel.executable.parents[3]))  # pytester has a home of its own
    pytester.path.joinpath("pair.dsl").write_text(PAIR)
    pytester.makepyfile(
        test_mine="""
        import pytest

        @pytest.mark.gts_topology("pair.dsl", clock="virtual")
        def test_reaches(gts_network):
            assert " 0% packet loss" in gts_network["h1"].cmd("ping -q -c 100 h2")

        @pytest.mark.gts_topology("pair.dsl")
        def test_virtual_is_the_default(gts_network):
            assert gts_network.clock == "virtual"

        def test_without_a_marker(gts_network):
            pass
        """
    )
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(['*needs @pytest.mark.gts_topology("FILE.dsl") on the test*'])

"""`gtsdsl doctor`: its exit status and its JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from emulator import doctor
from emulator.doctor import Ability
from gtsdsl.cli import cli


@pytest.mark.parametrize("able", [True, False])
def test_exit_status(monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    kernel = Ability("kernel", able, "", "" if able else "mend", runs_networks=True)
    abilities = (kernel, Ability("mininet", True, ""), Ability("util-linux", True, ""))
    monkeypatch.setattr(doctor, "examine", lambda: abilities)
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == (0 if able else 3)
    assert ("Networks run here." in done.output) is able


def test_json() -> None:
    done = CliRunner().invoke(cli, ["doctor", "--format", "json"])
    document = json.loads(done.output)
    assert document["version"] == 1
    assert done.exit_code == (0 if document["can_emulate"] else 3)
    assert {"guest kernel, built", "Open vSwitch", "Docker", "Landlock"} <= {it["name"] for it in document["findings"]}

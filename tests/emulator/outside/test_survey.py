"""The survey of what overlays need, as it comes back from the place where it ran."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

import pytest

from emulator.kernel.choose import KernelChoice
from emulator.kernel.guest import Sink
from emulator.kernel.kinds import Clock, KernelKind
from emulator.outside import survey
from emulator.outside.runner import RunSettings
from emulator.overlays.catalog import entries
from emulator.system.errors import EmulationError, GuestFailedError
from emulator.task import Task

SETTINGS = RunSettings(choice=KernelChoice(KernelKind.NATIVE, Clock.REAL, None))
COMPLETE: dict[str, dict[str, list[str]]] = {"lacks": {entry.name: [] for entry in entries()}, "option_lacks": {}}


class Answer:
    """A runner that has done its task at once, and left a result."""

    def __init__(self, result: bytes | None) -> None:
        self._result = result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def wait_until(self, stdout: Sink, _stderr: Sink, _until: None) -> int:
        stdout(b"a line of the guest's\n")
        return 0

    def result(self, name: str) -> bytes | None:
        assert name == "result.json"
        return self._result


def answer(monkeypatch: pytest.MonkeyPatch, result: object) -> None:
    def open_runner(_: RunSettings, task: Task) -> Answer:
        assert task.kind == "survey"
        return Answer(None if result is None else json.dumps(result).encode())

    monkeypatch.setattr(survey, "open_runner", open_runner)


def test_standard_output_stays_free_for_the_list(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, COMPLETE)
    assert survey.run_survey(SETTINGS).lacks["geneve:mesh"] == ()
    assert capfd.readouterr() == ("", "a line of the guest's\n")


def test_no_result_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)
    with pytest.raises(GuestFailedError, match="ended without a result"):
        survey.run_survey(SETTINGS)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"lacks": {}, "option_lacks": {}}, "incomplete"),
        ({**COMPLETE, "lacks": {**COMPLETE["lacks"], "mine:all": []}}, "incomplete"),
        ({**COMPLETE, "lacks": ["nothing"]}, "malformed"),
        ({"lacks": COMPLETE["lacks"]}, "malformed"),
        ({**COMPLETE, "option_lacks": {"weave:sleeve": {"--overlay-password": [7]}}}, "malformed"),
    ],
)
def test_a_guests_forged_survey_is_refused(monkeypatch: pytest.MonkeyPatch, result: object, message: str) -> None:
    answer(monkeypatch, result)
    with pytest.raises(EmulationError, match=message):
        survey.run_survey(SETTINGS)

"""Rights to make networks, for an ordinary user."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from emulator.system import user_namespace
from emulator.system.errors import EmulationError


@pytest.mark.parametrize(
    ("effective", "may"), [("0" * 16, False), ("000001ffffffffff", True), ("0000000000201000", True)]
)
def test_both_capabilities_are_needed(monkeypatch: pytest.MonkeyPatch, effective: str, may: bool) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _path: f"Name:\tpython\nCapEff:\t{effective}\n")
    assert user_namespace.may_make_networks() is may


def test_the_command_opens_only_what_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(user_namespace, "_PARAMETERS_FOLDER", tmp_path)
    assert user_namespace.opening_command() == ""
    for name, value in (
        ("kernel/unprivileged_userns_clone", "1"),
        ("user/max_user_namespaces", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    assert user_namespace.opening_command() == (
        "sysctl -w user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0"
    )


def test_a_process_with_threads_may_not_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_namespace, "may_make_networks", lambda: False)
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    with pytest.raises(EmulationError, match="a process with threads cannot enter a user namespace"):
        user_namespace.enter()
    ended.set()
    thread.join()

"""BIRD: its version, its control socket, and the path of that."""

from __future__ import annotations

import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import bird
from emulator.system.errors import EmulationError


def test_the_installed_version_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = bird.version() or pytest.skip("bird is missing (Debian: bird2)")
    assert re.match(r"\d+\.\d+", found)
    monkeypatch.setattr(bird, "PROGRAM", "no-such-bird")
    assert bird.version() is None


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a short path, as a socket's path must be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def answer(folder: Path, replies: list[bytes]) -> list[bytes]:
    """Serve one connection on a control socket with some replies; return the list that gets the questions."""
    questions: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / bird.SOCKET))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.sendall(b"0001 BIRD 2.0.12 ready.\n")
            questions.append(connection.recv(1000))
            for reply in replies:
                connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return questions


def test_an_answer_is_read_to_its_last_line(folder: Path) -> None:
    questions = answer(folder, [b"2002-Name       Proto\n1002-kernel1    Kernel\n device1    Dev", b"ice\n0000 \n"])
    assert bird.ask(folder, "show protocols") == ("Name       Proto", "kernel1    Kernel", "device1    Device")
    assert questions == [b"show protocols\n"]


def test_a_bird_that_ends_during_its_answer_is_an_error(folder: Path) -> None:
    answer(folder, [b"2002-Name       Proto\n"])
    with pytest.raises(OSError, match="BIRD closed its control socket"):
        bird.ask(folder, "show protocols")
    with pytest.raises(OSError, match="No such file"):
        bird.ask(folder / "none", "show protocols")


def test_a_path_that_no_socket_can_have_is_said(tmp_path: Path) -> None:
    bird.check_path(Path("/run/calico/1"))
    with pytest.raises(EmulationError, match="is too long a path for BIRD's socket: set TMPDIR to a shorter one"):
        bird.check_path(tmp_path / ("x" * 100))

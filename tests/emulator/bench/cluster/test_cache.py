"""The files that a worker gets from clients: only whole ones with the right hash, at places inside its folder."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.bench.cluster import cache
from emulator.bench.cluster.cache import ReceivedFiles
from emulator.bench.cluster.messages import CHUNK_BYTES, FILE_BYTES, Manifest, SentFile
from emulator.system.errors import EmulationError

CONTENT = b"a kernel" * 100
PLACE = "gtsdsl/kernels/1/linux"


def sent(content: bytes = CONTENT, place: str = PLACE, path: str = "/nowhere/linux") -> SentFile:
    return SentFile(path, place, hashlib.sha256(content).hexdigest(), len(content), is_program=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of gtsdsl, which is missing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl"


def test_a_file_arrives_in_parts_and_becomes_the_cache_of_a_cell(home: Path) -> None:
    files, manifest = ReceivedFiles(), Manifest((sent(),))
    assert files.cache_of(manifest) is None
    assert files.missing(manifest) == (sent().sha256,)
    files.put(sent(), "client", 0, CONTENT[:300])
    assert files.missing(manifest) == (sent().sha256,)
    files.put(sent(), "client", 300, CONTENT[300:])
    assert files.missing(manifest) == ()
    folder = files.cache_of(manifest)
    assert folder is not None
    assert (folder / PLACE).read_bytes() == CONTENT
    assert (folder / PLACE).stat().st_mode & 0o777 == 0o700
    assert files.cache_of(manifest) == folder
    assert not (home / "kernels").exists()


def test_a_file_that_the_machine_has_at_its_own_place_is_not_sent(home: Path, tmp_path: Path) -> None:
    own = home / "kernels" / "1" / "linux"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    video = tmp_path / "video.mp4"
    video.write_bytes(b"video")
    manifest = Manifest((sent(), sent(b"video", "files/0/video.mp4", str(video))))
    assert ReceivedFiles().missing(manifest) == ()
    own.write_bytes(b"another kernel")
    assert ReceivedFiles().missing(Manifest((sent(b"a third kernel"),))) == (sent(b"a third kernel").sha256,)


def test_another_content_than_was_announced_is_not_kept(home: Path) -> None:
    files = ReceivedFiles()
    with pytest.raises(EmulationError, match="arrived with another content than was announced"):
        files.put(sent(), "client", 0, b"x" * len(CONTENT))
    assert list((home / "received" / "files").iterdir()) == []


@pytest.mark.parametrize(
    ("offset", "content", "message"),
    [
        (0, CONTENT + b"more", "is larger than it was announced"),
        (0, b"x" * (CHUNK_BYTES + 1), "is larger than it was announced"),
        (len(CONTENT), b"x", "is larger than it was announced"),
        (8, CONTENT[8:], "No such file or directory"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_part_that_does_not_fit_is_refused(offset: int, content: bytes, message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        ReceivedFiles().put(sent(), "client", offset, content)


@pytest.mark.usefixtures("home")
def test_a_part_that_follows_on_a_missing_one_is_refused() -> None:
    files = ReceivedFiles()
    files.put(sent(), "client", 0, CONTENT[:300])
    with pytest.raises(EmulationError, match="a part of gtsdsl/kernels/1/linux is missing"):
        files.put(sent(), "client", 400, CONTENT[400:])
    with pytest.raises(EmulationError, match="is larger than it was announced"):
        files.put(sent(), "../client", 300, CONTENT[300:])


@pytest.mark.parametrize(
    "file",
    [
        sent(place="../linux"),
        sent(place="/etc/passwd"),
        sent(place="gtsdsl/../../linux"),
        sent(place=""),
        sent(place="gtsdsl/\x1b[2J"),
        replace(sent(), sha256="../../linux"),
        replace(sent(), sha256="A" * 64),
        replace(sent(), size_bytes=FILE_BYTES + 1),
        replace(sent(), size_bytes=-1),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_manifest_with_another_place_hash_or_size_is_refused(file: SentFile) -> None:
    for use in (ReceivedFiles().missing, ReceivedFiles().cache_of):
        with pytest.raises(EmulationError, match=r"a manifest (names a place outside its folder|has an impossible)"):
            use(Manifest((file,)))


@pytest.mark.usefixtures("home")
def test_more_than_the_folder_may_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FOLDER_BYTES", len(CONTENT) - 1)
    with pytest.raises(EmulationError, match=r"received would hold more than .* remove it when no cell runs"):
        ReceivedFiles().missing(Manifest((sent(),)))


def test_a_damaged_file_is_removed_and_asked_for_again(home: Path) -> None:
    files = ReceivedFiles()
    files.put(sent(), "client", 0, CONTENT)
    (home / "received" / "files" / f"{sent().sha256}-x").write_bytes(b"damaged")
    assert files.cache_of(Manifest((sent(),))) is None
    assert files.missing(Manifest((sent(),))) == (sent().sha256,)

"""The images of containers: the built-in image, archives, and images of the user's own Docker."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from emulator.docker import archive as archives
from emulator.docker import image as images
from emulator.docker import programs
from emulator.docker.image import Image, archive_image, built_in_image, find_image
from emulator.system.errors import EmulationError
from tests.emulator.docker.archives import NAME, save


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w") as file:
        for name in names:
            file.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_its_own_has_this_machines_programs_with_their_libraries_and_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "first"))
    first = built_in_image()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "second"))
    second = built_in_image()
    assert first.path.name == second.path.name
    assert first.path.read_bytes() == second.path.read_bytes()
    root = tmp_path / "root"
    with tarfile.open(first.path) as file:
        assert {(member.uid, member.gid, member.mtime) for member in file} == {(0, 0, 0)}
        file.extractall(root, filter="tar")
    done = subprocess.run(
        [shutil.which("chroot") or "/usr/sbin/chroot", str(root), "/bin/sh", "-c", "bash --version; ls /bin/ping"],
        capture_output=True,
        text=True,
        check=False,
    )
    if os.geteuid() == 0:
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("GNU bash")
    assert (root / "bin" / "ping").is_file()


def test_nothing_is_left_of_one_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images, "_write", fail)
    with pytest.raises(EmulationError, match="the containers' image cannot be written: No space left on device"):
        built_in_image()
    assert not list((tmp_path / "gtsdsl" / "images").iterdir())


def test_an_archive_is_of_docker_save_or_of_a_root_file_system(tmp_path: Path) -> None:
    saved = archive(tmp_path / "saved.tar", "manifest.json", "layer.tar")
    assert archive_image(saved) == Image(saved, is_saved=True)
    exported = archive(tmp_path / "exported.tar", "./bin", "./bin/sh")
    assert archive_image(exported) == Image(exported, is_saved=False)


def test_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="has neither an image"):
        archive_image(archive(tmp_path / "other.tar", "letter.txt"))
    text = tmp_path / "text.tar"
    text.write_text("no archive")
    with pytest.raises(EmulationError, match="is not an archive of `docker save` or `docker export`"):
        archive_image(text)
    with pytest.raises(EmulationError, match=f"the file {tmp_path}/Nothing.tar is missing"):
        find_image(f"{tmp_path}/Nothing.tar")
    with pytest.raises(EmulationError, match="cannot be read: Is a directory"):
        archive_image(tmp_path)


def test_an_image_in_the_layout_of_oci_is_for_a_docker_that_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = archive(tmp_path / "oci.tar", "oci-layout", "index.json", "blobs/sha256/0")
    monkeypatch.setattr(programs, "version", lambda: "20.10.24")
    with pytest.raises(EmulationError, match="the OCI layout, which Docker loads from version 25 on and 20"):
        archive_image(layout)
    monkeypatch.setattr(programs, "version", lambda: "25.0.3")
    assert archive_image(layout) == Image(layout, is_saved=True)
    both = archive(tmp_path / "both.tar", "oci-layout", "index.json", "manifest.json")
    monkeypatch.setattr(programs, "version", lambda: "20.10.24")
    assert archive_image(both) == Image(both, is_saved=True)


def extended(size: int, following: bytes = b"") -> bytes:
    """Return an extended header of tar that claims ``size`` bytes, and the bytes ``following``."""
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, size
    return member.tobuf(tarfile.USTAR_FORMAT) + following


@pytest.mark.slow("packs and unpacks megabytes")
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_packed_archive_that_is_damaged_or_cut_short_is_told_in_a_line(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    text = "".join(f"{number * number}\n" for number in range(200_000)).encode()
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as file:
        for name in ("bin/first", "bin/second"):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            file.addfile(member, io.BytesIO(text))
    packed = pack(whole.read_bytes())
    path = tmp_path / "packed.tar"
    path.write_bytes(packed)
    assert archive_image(path) == Image(path, is_saved=False)
    for data in (packed[: len(packed) // 4], packed[:10] + bytes([255] * 64) + packed[74:]):
        path.write_bytes(data)
        with pytest.raises(EmulationError, match=f"^{path} (cannot be read: .|is not an archive)"):
            archive_image(path)


def test_an_archive_that_is_made_to_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_HEADERS_BYTES", 2**20)
    huge = tarfile.TarInfo("x")
    huge.size = 2**40
    path = tmp_path / "bomb.tar"
    for data in (
        gzip.compress(extended(2**32, bytes(2**20))),  # one name of 4 GB
        gzip.compress(tarfile.TarInfo("x").tobuf() * 4096),  # more files than the bound, which is lower here
        huge.tobuf(tarfile.GNU_FORMAT),
    ):
        path.write_bytes(data)
        with pytest.raises(EmulationError, match=r"is too large for an image: .* half a million files, or a header"):
            archive_image(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_small_archive_that_unpacks_to_very_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(archives, "_FREE_BYTES", 2**20)
    member = tarfile.TarInfo("bin/zeros")
    member.size = 2**25
    path = tmp_path / "bomb.tar"
    path.write_bytes(pack(member.tobuf() + bytes(2**25 + 1024)))
    with pytest.raises(EmulationError, match=f"^{path} is too large for an image: it has more than .* GB"):
        archive_image(path)
    member.size = 2**19
    path.write_bytes(pack(member.tobuf() + bytes(2**19 + 1024)))
    assert archive_image(path) == Image(path, is_saved=False)


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(EmulationError, match=f"^{path} is not a regular file$"):
            find_image(str(path))


def test_looking_at_an_archive_unpacks_nothing_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = folder / "strange.tar"
    with tarfile.open(path, "w") as file:
        for name, kind in (
            ("../above", tarfile.REGTYPE),
            (f"{tmp_path}/absolute", tarfile.REGTYPE),
            ("bin/link", tarfile.SYMTYPE),
            ("bin/hard", tarfile.LNKTYPE),
            ("bin/device", tarfile.CHRTYPE),
            ("bin/pipe", tarfile.FIFOTYPE),
            ("bin/link/through", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            file.addfile(member)
    assert archive_image(path) == Image(path, is_saved=False)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", folder, path]


def test_an_image_that_nobody_has_read_for_a_month_goes_when_a_new_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "gtsdsl" / "images"
    folder.mkdir(parents=True)
    for name, days in (("tools-old.tar", 31), ("docker-old.tar", 31), ("docker-new.tar", 29)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - days * 86400,) * 2)
    made = built_in_image().path
    assert {path.name for path in folder.iterdir()} == {made.name, "docker-new.tar"}


@pytest.fixture(scope="module")
def users_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `dockerd` that stands for the user's own, in a new network namespace."""
    if os.geteuid() != 0:
        pytest.skip("a dockerd needs root")
    if not programs.version():
        pytest.skip("needs Docker: apt-get install docker.io")
    folder = tmp_path_factory.mktemp("docker")
    address = f"unix://{folder}/docker.sock"
    options = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--storage-driver=vfs", f"--host={address}"]
    options += [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["unshare", "--net", "--mount", "dockerd", *options], stdout=log, stderr=log)
    try:
        deadline_s = time.monotonic() + 300
        while not _answers(address):
            assert daemon.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline_s, (folder / "log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        daemon.terminate()
        daemon.wait()


def _answers(address: str) -> bool:
    """Return whether a `dockerd` answers."""
    try:
        with contextlib.closing(docker.DockerClient(address)) as client:
            return client.ping()
    except (docker.errors.DockerException, OSError):
        return False


def test_a_name_is_an_image_of_the_users_own_docker(
    users_docker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", users_docker)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EmulationError) as caught:
        find_image(NAME)
    remedy = f"run `docker pull {NAME}`"
    assert str(caught.value) == f"the file {NAME} is missing, and your Docker has no such image: {remedy}"
    with contextlib.closing(docker.DockerClient(users_docker)) as client:
        client.images.load(save(tmp_path / "lab.tar").read_bytes())
    found = find_image(NAME)
    assert found.is_saved
    kept = found.path.stat()
    assert find_image(NAME) == found
    assert found.path.stat().st_mtime_ns == kept.st_mtime_ns


def test_without_a_docker_a_name_is_answered_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(EmulationError, match=r"your Docker does not answer .* `docker save debian:12 -o image.tar`"):
        find_image("debian:12")


@pytest.mark.parametrize("name", ["debian:12", "debian", "example.org/debian:12", "lab"])
def test_a_file_does_not_stand_for_an_image_of_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    shutil.copy(save(tmp_path / "lab.tar"), name)
    with pytest.raises(EmulationError, match=rf"in this folder is named \./{name}, and your Docker does not answer"):
        find_image(name)
    assert find_image(f"./{name}").is_saved
    assert find_image("lab.tar").is_saved

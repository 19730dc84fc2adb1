"""The kernel as a wheel: what is in it, that pip installs it, that it is used like a built one, and what stops it."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from emulator.kernel import cache
from emulator.kernel.build import missing_tools
from emulator.kernel.cache import Kernel, Origin
from emulator.kernel.wheel import PLATFORM, differences, make_wheel, read_wheel
from emulator.system.errors import EmulationError
from tests.emulator.kernel.standins import require_no_wheel

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="a guest kernel runs on x86-64 only")


def program(kind: int) -> bytes:
    """Return an ELF file with one program header: 1 is a part to load, 3 the name of a loader."""
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return identity + header + struct.pack("<IIQQQQQQ", kind, 5, 0, 0, 0, 0, 0, 0)


def origin() -> Origin:
    return Origin(
        package="linux-source-7.3",
        version="7.3.4-1~bpo13+1",
        tarball_sha256="0" * 64,
        compiler="gcc 12.2.0, GNU ld 2.40",
        c_library="2.36-9",
        configuration=cache.configuration_hash(),
    )


def a_kernel(folder: Path, origin: Origin, content: bytes) -> Path:
    """Write what a build leaves in the cache, with a stand-in for the kernel, and return its folder."""
    folder.mkdir()
    (folder / "linux").write_bytes(content)
    (folder / "linux").chmod(0o755)
    cache.keep(Kernel(folder / "linux", origin.version, True, True, True, None, None), origin, folder)
    for name in ("config", "COPYING", "GPL-2.0", "Linux-syscall-note"):
        (folder / name).write_text(f"{name}\n")
    return folder


@pytest.fixture
def built(tmp_path: Path) -> Path:
    if not Path("/usr/share/common-licenses/LGPL-2.1").exists():
        pytest.skip("the texts of licences are missing, which Debian's base-files has: a wheel is made on Debian")
    return a_kernel(tmp_path / "built", origin(), program(1))


@pytest.fixture
def wheel(built: Path, tmp_path: Path) -> Path:
    return make_wheel(built, tmp_path)


def test_its_name_says_which_linux_it_is_and_where_it_runs(wheel: Path, built: Path, tmp_path: Path) -> None:
    assert wheel.name == f"gtsdsl_kernel-7.3.4-py3-none-{PLATFORM}.whl"
    assert make_wheel(built, tmp_path, release=2).name == f"gtsdsl_kernel-7.3.4.post2-py3-none-{PLATFORM}.whl"
    assert read_wheel(tmp_path / make_wheel(built, tmp_path, release=2).name).release == 2
    assert read_wheel(wheel).origin == origin()


def test_it_holds_the_kernel_its_configuration_the_patches_and_the_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        page = archive.read("gtsdsl_kernel/README.md").decode()
    patches = {patch.path.name for patch in cache.PATCHES}
    texts = {f"licenses/{name}" for name in ("COPYING", "GPL-2.0", "Linux-syscall-note", "LGPL-2.1")}
    assert names == {
        *("linux", "info.json", "config", "gts-uml.config", "README.md", "METADATA", "WHEEL", "RECORD"),
        *patches,
        *texts,
    }
    # the offer of the source that the licence asks for
    for said in (
        "linux-source-7.3",
        "7.3.4-1~bpo13+1",
        "0" * 64,
        "2.36-9",
        "gcc 12.2.0",
        "gtsdsl kernel build --check",
    ):
        assert said in page


def test_its_list_has_the_size_and_the_hash_of_each_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        lines = list(csv.reader(archive.read(names[-1]).decode().splitlines()))
        assert [name for name, _, _ in lines] == names
        for name, digest, size in lines[:-1]:
            content = archive.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={expected}", str(len(content)))
    assert lines[-1][1:] == ["", ""]


def test_its_metadata_names_every_licence_that_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
        for text in metadata.get_all("License-File") or []:
            assert f"{name.rpartition('/')[0]}/licenses/{text}" in archive.namelist()
    assert metadata["Name"] == "gtsdsl-kernel"
    assert metadata["License-Expression"] == "GPL-2.0-only WITH Linux-syscall-note AND LGPL-2.1-or-later"
    assert metadata["Version"] == "7.3.4"


def test_the_same_kernel_gives_the_same_bytes(wheel: Path, built: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    other = tmp_path / "other place"
    shutil.copytree(built, other)
    os.utime(other / "linux", (0, 0))
    assert make_wheel(other, tmp_path / "again").read_bytes() == wheel.read_bytes()


def test_a_wheel_is_held_against_a_kernel_file_by_file(wheel: Path, built: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    given = read_wheel(Path(shutil.move(wheel, tmp_path / "given")))
    assert differences(given, built) == ()
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(given.path, "a") as archive:
        archive.writestr("gtsdsl_kernel/README.md", archive.read("gtsdsl_kernel/README.md"))
    assert "gtsdsl_kernel/README.md" in differences(given, built)


def test_a_wheel_of_another_kernel_names_what_differs(wheel: Path, built: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    given = read_wheel(Path(shutil.move(wheel, tmp_path / "given")))
    (built / "linux").write_bytes(program(1) + b"x")
    (built / "config").unlink()
    (built / "config").write_text("CONFIG_64BIT=y\n")
    about = "gtsdsl_kernel-7.3.4.dist-info"
    assert differences(given, built) == (f"{about}/RECORD", "gtsdsl_kernel/config", "gtsdsl_kernel/linux")


@pytest.mark.parametrize(
    ("changed", "content", "said"),
    [
        ({"package": ""}, program(1), "could not name its source"),
        ({"c_library": ""}, program(1), "could not name its source"),
        ({}, program(3), "needs this machine's C library"),
        ({"version": "linux"}, program(1), "no version of Linux"),
    ],
)
def test_what_cannot_be_passed_on(tmp_path: Path, changed: dict[str, str], content: bytes, said: str) -> None:
    with pytest.raises(EmulationError, match=said) as caught:
        make_wheel(a_kernel(tmp_path / "built", replace(origin(), **changed), content), tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*.whl"))


INFOS = {
    "list": "[]",
    "lists in an origin": json.dumps({"origin": {**asdict(origin()), "version": []}}),
    "more than the memory": '{"origin": [' + "[]," * 10_000_000 + "[]]}",
}


@pytest.mark.parametrize("content", ["text", "empty archive", *INFOS, "no origin", "encrypted", "broken", "LZMA"])
def test_a_file_that_is_no_wheel_of_a_kernel(tmp_path: Path, content: str) -> None:
    if missing := missing_tools():
        pytest.skip(f"the command looks for the tools of a build first, and these are missing: {', '.join(missing)}")
    path = tmp_path / f"gtsdsl_kernel-7.3.4-py3-none-{PLATFORM}.whl"
    if content == "text":
        path.write_text("text")
    else:
        method = zipfile.ZIP_LZMA if content == "LZMA" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as archive:
            if content != "empty archive":
                archive.writestr("gtsdsl_kernel/info.json", INFOS.get(content, "{}"))
    if content == "broken":
        written = bytearray(path.read_bytes())
        start = written.index(b"info.json") + len("info.json")
        written[start] = 0xFF  # a kind of block that deflate does not have
        path.write_bytes(written)
    if content == "encrypted":
        written = bytearray(path.read_bytes())
        written[written.index(b"PK\x01\x02") + 8] |= 1  # the flag in the archive's directory
        path.write_bytes(written)
    done = gtsdsl(tmp_path, "kernel", "build", "--check", str(path))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"error: {path} is no wheel of a guest kernel, or is damaged\n"


def gtsdsl(folder: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run the command line with an empty cache in ``folder``."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    if python != sys.executable:
        environment["PYTHONPATH"] = f"{ROOT}:{sysconfig.get_path('purelib')}"
    command = [python, "-m", "gtsdsl", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment of Python with nothing in it; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    return tmp_path / "venv" / "bin" / "python"


def pip(python: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*command, *arguments], check=True)


def installed(python: Path) -> Path:
    """Return the folder where pip has put the files of the wheel."""
    (folder,) = python.parents[1].glob("lib/python*/site-packages/gtsdsl_kernel")
    return folder


@pytest.mark.slow("makes an environment and installs into it with pip")
def test_pip_installs_and_removes_it_and_it_is_found(wheel: Path, environment: Path, tmp_path: Path) -> None:
    before = gtsdsl(tmp_path, "kernel", "path", python=str(environment))
    assert (before.returncode, before.stdout) == (3, "")
    pip(environment, "install", "--no-index", "--no-deps", str(wheel))
    pip(environment, "check")
    folder = installed(environment)
    assert (folder / "linux").stat().st_mode & 0o111 == 0o111
    assert gtsdsl(tmp_path, "kernel", "path", python=str(environment)).stdout == f"{folder / 'linux'}\n"
    info = gtsdsl(tmp_path, "kernel", "info", python=str(environment)).stdout
    assert f"{folder / 'linux'} (runs use this one)" in info
    assert gtsdsl(tmp_path, "kernel", "clean", python=str(environment)).stdout == ""
    assert (folder / "linux").exists()  # it is pip's to remove
    pip(environment, "uninstall", "--yes", "gtsdsl-kernel")
    assert not folder.exists()


@pytest.mark.parametrize("fault", ["configuration", "damaged", "no kernel", "mode"])
def test_one_that_cannot_be_used_says_why(wheel: Path, environment: Path, tmp_path: Path, fault: str) -> None:
    pip(environment, "install", "--no-index", "--no-deps", str(wheel))
    folder = installed(environment)
    if fault == "configuration":
        fields = json.loads((folder / "info.json").read_text())
        fields["origin"]["configuration"] = "0" * 12
        (folder / "info.json").write_text(json.dumps(fields))
    elif fault == "damaged":
        (folder / "info.json").write_text("{}")
    elif fault == "no kernel":
        (folder / "linux").unlink()
    else:
        (folder / "linux").chmod(0o644)
    said = {
        "configuration": "made for another version of gtsdsl: pip install --upgrade gtsdsl-kernel",
        "damaged": "it is damaged: pip install --force-reinstall gtsdsl-kernel",
        "no kernel": "it is damaged: pip install --force-reinstall gtsdsl-kernel",
        "mode": "lets nobody run programs there: gtsdsl kernel build",
    }[fault]
    info = gtsdsl(tmp_path, "kernel", "info", python=str(environment)).stdout
    assert f"{folder / 'linux'} (not used)" in info
    assert said in info
    assert gtsdsl(tmp_path, "kernel", "path", python=str(environment)).returncode == 3


def test_a_folder_of_that_name_where_the_user_works_is_not_believed(built: Path, tmp_path: Path) -> None:
    require_no_wheel()
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(built, work / "gtsdsl_kernel")
    assert gtsdsl(work, "kernel", "path").returncode == 3
    assert str(work) not in gtsdsl(work, "kernel", "info").stdout


def test_one_that_was_built_comes_first(wheel: Path, built: Path, environment: Path, tmp_path: Path) -> None:
    pip(environment, "install", "--no-index", "--no-deps", str(wheel))
    kept = tmp_path / "cache" / "gtsdsl" / "kernels" / cache.key("7.3.4-1")
    shutil.copytree(built, kept)
    shown = gtsdsl(tmp_path, "kernel", "info", python=str(environment)).stdout
    assert shown.index(str(kept / "linux")) < shown.index(str(installed(environment)))
    assert f"{kept / 'linux'} (runs use this one)" in shown


def test_a_real_one_boots(guest_kernel: Kernel, environment: Path, tmp_path: Path) -> None:
    wheel = make_wheel(guest_kernel.executable.parent, tmp_path)
    pip(environment, "install", "--no-index", "--no-deps", str(wheel))
    done = gtsdsl(tmp_path, "guest", "--", "uname", "-r", python=str(environment))
    assert (done.returncode, done.stderr) == (0, "")
    version = re.search(r"\d+\.\d+", guest_kernel.version)
    assert version is not None
    assert done.stdout.startswith(version[0])
    assert differences(read_wheel(wheel), guest_kernel.executable.parent) == ()


def kernel_wheel(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of `tools/kernel-wheel` with an empty cache in ``folder``."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-P", "-m", "emulator.kernel.wheel", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_tool_takes_the_kernel_that_was_built_last(built: Path, tmp_path: Path) -> None:
    require_no_wheel()
    without = kernel_wheel(tmp_path)
    assert (without.returncode, without.stderr) == (1, "error: no guest kernel has been built: gtsdsl kernel build\n")
    shutil.copytree(built, tmp_path / "cache" / "gtsdsl" / "kernels" / cache.key("7.3.4-1"))
    nowhere = kernel_wheel(tmp_path, "-o", "nowhere")
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("error: nowhere/gtsdsl_kernel-7.3.4-py3-none-")
    assert nowhere.stderr.endswith(".whl: No such file or directory\n")
    (tmp_path / "dist").mkdir()
    assert kernel_wheel(tmp_path, "-o", "dist", "--release", "1").returncode == 0
    assert [path.name for path in (tmp_path / "dist").iterdir()] == [
        f"gtsdsl_kernel-7.3.4.post1-py3-none-{PLATFORM}.whl"
    ]

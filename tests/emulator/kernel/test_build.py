"""Builds that fail say why, and two builds do not disturb each other; the fixture `guest_kernel` builds a kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from emulator.kernel import build as module
from emulator.kernel import cache
from emulator.kernel.build import build, missing_tools
from emulator.kernel.cache import CONFIGURATION, built_kernels
from emulator.kernel.source import Package, _Apt, find, from_tarball
from emulator.system import builds
from emulator.system.errors import EmulationError
from emulator.system.programs import missing_programs
from tests.emulator.kernel.standins import a_kernel, require_no_wheel

pytestmark = pytest.mark.usefixtures("kernels", "tools")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tools of a build, which this machine need not have: no build here gets as far as to use them."""
    monkeypatch.setattr(module, "missing_tools", dict)


def try_build(tarball: Path | None = None) -> str:
    """Try to build, and return the message of the failure."""
    with pytest.raises(EmulationError) as caught:
        build(tarball, lambda _what, _part: None, lambda _message: None)
    assert caught.value.exit_status == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_tools_are_named_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "missing_tools", missing_tools)
    monkeypatch.setattr(builds, "missing_tools", missing_programs)  # without the headers of C
    monkeypatch.setattr(module, "_archive_of_the_c_library", lambda: "/usr/lib/libc.a")
    monkeypatch.setattr(shutil, "which", lambda tool, **_: None if tool in {"flex", "bc", "xz"} else f"/usr/bin/{tool}")
    assert try_build() == "to build a kernel flex, bc, xz is missing: apt-get install bc flex xz-utils"


def test_the_c_library_is_needed_as_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "missing_tools", missing_tools)
    monkeypatch.setattr(builds, "missing_tools", lambda _: {})
    monkeypatch.setattr(module, "_archive_of_the_c_library", lambda: "libc.a")  # what gcc says where it is missing
    said = try_build()
    assert said == "to build a kernel the C library as an archive (libc.a) is missing: apt-get install libc6-dev"


@pytest.mark.skipif(shutil.which("patch") is None, reason="`patch` is missing")
def test_each_patch_that_does_not_fit_a_source_is_named(tmp_path: Path) -> None:
    assert module._patch(tmp_path) == cache.PATCHES
    (tmp_path / "arch/um").mkdir(parents=True)
    hunk = CONFIGURATION.with_name("tick.patch").read_text().partition("@@\n")[2].splitlines()
    (tmp_path / "arch/um/Kconfig").write_text("\n".join(line[1:] for line in hunk if not line.startswith("+")) + "\n")
    assert [patch.path.name for patch in module._patch(tmp_path)] == [
        *("random-seed.patch", "cpuset.patch", "yield.patch", "optimisation.patch")
    ]
    assert "default 1000" in (tmp_path / "arch/um/Kconfig").read_text()


def test_a_tarball_that_is_none(tmp_path: Path, kernels: Path) -> None:
    (tmp_path / "linux.tar.xz").write_bytes(b"no tarball")
    said = try_build(tmp_path / "linux.tar.xz")
    assert "linux.tar.xz cannot be unpacked" in said
    assert "previous errors" not in said  # the first of them says why
    assert list(kernels.iterdir()) == []


def test_a_tarball_of_something_else(tmp_path: Path, kernels: Path) -> None:
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.add(__file__, "other/readme")
    assert "other.tar.gz is no source of Linux" in try_build(tmp_path / "other.tar.gz")
    assert list(kernels.iterdir()) == []


def test_a_tarball_that_would_write_elsewhere(tmp_path: Path, kernels: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(__file__, "linux/../../../../evil")
        tar.add(__file__, "/evil")
    try_build(tmp_path / "evil.tar")
    assert not (tmp_path / "evil").exists()
    assert not Path("/evil").exists()
    assert list(kernels.iterdir()) == []


def test_a_patch_that_somebody_edits_during_a_build(
    tmp_path: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("configuration", "linux/arch/um/Kconfig"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    with tarfile.open(tmp_path / "linux.tar", "w") as tar:
        tar.add(tmp_path / "linux", "linux")
    monkeypatch.setattr(cache, "CONFIGURATION", tmp_path / "configuration")

    def edit(_tree: Path, _folder: Path) -> tuple[str, ...]:
        cache.CONFIGURATION.write_text("CONFIG_NET=y\n")
        return ()

    monkeypatch.setattr(module, "_configure", edit)
    said = try_build(tmp_path / "linux.tar")
    assert said == f"{tmp_path} changed during the build of the kernel: repeat it"
    assert list(kernels.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    assert "XDG_CACHE_HOME" in try_build(tmp_path / "x")


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt here")
def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # nobody listens there; apt would pass it by for a host in `no_proxy`, or if the machine's settings have another
    nowhere = "http://127.0.0.1:9"
    for name in ("no_proxy", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, nowhere)
    settings = tmp_path / "apt.conf"
    settings.write_text(
        f'Acquire::http::Proxy "{nowhere}";\nAcquire::https::Proxy "{nowhere}";\n'
        'Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))
    (tmp_path / "apt").mkdir()
    with pytest.raises(EmulationError, match=r"cannot be fetched|cannot be downloaded|no Linux source") as caught:
        find(tmp_path / "apt", lambda _what: None).fetch(lambda _what: None)
    assert "\n" not in str(caught.value)


def test_two_builds_do_not_meet(kernels: Path) -> None:
    with cache.building("source") as folder:
        assert "another gtsdsl builds this kernel" in try_build()
        assert folder.is_dir()
        assert tuple(cache.clean()) == ()
        assert folder.is_dir()
    assert list(kernels.iterdir()) == []


def test_a_build_that_ends_just_when_another_looks(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_lock: int) -> bool:
        shutil.rmtree(kernels / "building-source")
        return True

    monkeypatch.setattr(builds, "_locked", ended)
    assert "another gtsdsl builds this kernel" in try_build()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a guest kernel runs on x86-64 only")
def test_what_is_built_already_is_not_built_again_and_is_used_from_then_on(tmp_path: Path, kernels: Path) -> None:
    (tmp_path / "linux-7.1.tar.xz").write_bytes(b"no tarball")
    wanted = a_kernel(kernels, from_tarball(tmp_path / "linux-7.1.tar.xz").version)
    os.utime(wanted.executable.with_name("info.json"), (0, 0))
    # a moment before: the kernel's own time stamps are some milliseconds apart, or the same
    os.utime(a_kernel(kernels, "7.10.1-1").executable.with_name("info.json"), (1, 1))
    assert build(tmp_path / "linux-7.1.tar.xz", lambda _what, _part: None, lambda _message: None) == wanted
    assert built_kernels()[0] == wanted


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a guest kernel runs on x86-64 only")
def test_what_is_built_already_is_not_downloaded(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = a_kernel(kernels, "7.3.4-1")

    def found(folder: Path, _report: object) -> Package:
        return Package(_Apt(folder, None), "linux-source-no.such", "7.3.4-1")

    monkeypatch.setattr("emulator.kernel.build.find", found)
    assert build(None, lambda _what, _part: None, lambda _message: None) == wanted


def gtsdsl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gtsdsl", *arguments], capture_output=True, text=True, check=False)


def test_the_command_line_without_a_kernel() -> None:
    require_no_wheel()
    path = gtsdsl("kernel", "path")
    assert (path.returncode, path.stdout) == (3, "")
    assert path.stderr == "error: no guest kernel has been built: gtsdsl kernel build\n"
    guest = gtsdsl("guest", "--clock", "virtual", "--", "true")
    assert (guest.returncode, guest.stdout, guest.stderr) == (3, "", path.stderr)
    assert gtsdsl("kernel", "clean").stdout == ""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a guest kernel runs on x86-64 only")
def test_the_command_line_with_a_kernel(kernels: Path) -> None:
    kernel = a_kernel(kernels, "7.3.4")
    assert gtsdsl("kernel", "path").stdout == f"{kernel.executable}\n"
    info = gtsdsl("kernel", "info").stdout
    assert str(kernel.executable) in info
    assert "virtual, skip, real" in info
    verdicts = cache.verdicts_folder()
    verdicts.mkdir()
    (verdicts / "0.json").touch()
    (kernels / "linked").symlink_to(kernels.parent.parent)
    removed = [kernel.executable.parent, kernels / "linked", verdicts]
    assert gtsdsl("kernel", "clean").stdout == "".join(f"removed {path}\n" for path in removed)
    assert not any(os.path.lexists(path) for path in removed)
    assert gtsdsl("kernel", "clean").stdout == ""


def test_a_kernel_that_is_no_program(kernels: Path) -> None:
    a_kernel(kernels, "7.3.4")
    guest = gtsdsl("guest", "--kernel", "uml", "--", "true")
    assert guest.returncode == 3
    assert "Linux 7.3.4, does not run here: the guest kernel cannot be started:" in guest.stderr

"""A guest kernel is believed only after it has run a program here, and what it did is remembered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.kernel import cache, verdict
from emulator.kernel.cache import Kernel
from emulator.kernel.choose import choose, choose_guest
from emulator.kernel.kinds import KernelKind
from emulator.kernel.verdict import reason, refusal
from emulator.system.errors import KernelRefusedError
from gtsdsl.cli import cli
from tests.emulator.kernel.standins import HANGS, LACKS_A_LIBRARY, PANICS, put, put_as_built
from tests.emulator.samples import Cli

PANICKED = "it panics when it starts its first program"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder without a kernel and without a verdict, on a processor without AMX and without the wheel."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(cache, "wheel_kernel", lambda: None)
    monkeypatch.setattr(verdict, "_known", {})
    processor = tmp_path / "processor"
    processor.write_text("processor\t: 0\nmodel\t\t: 85\nflags\t\t: fpu avx512f\n")
    monkeypatch.setattr(verdict, "_CPU", processor)
    return folder


def kernel_of(executable: Path, version: str = "6.1.176", *, virtual_clock: bool = False) -> Kernel:
    return Kernel(executable, version, False, virtual_clock, seeded=False, symbols=None, modules=None)


def verdicts(folder: Path) -> list[object]:
    return [json.loads(path.read_text())["refusal"] for path in (folder / "gtsdsl" / "verdicts").glob("*.json")]


def rewrite(folder: Path, why: str) -> None:
    """Put other words into the verdict, and forget what this process knows."""
    (file,) = (folder / "gtsdsl" / "verdicts").glob("*.json")
    file.write_text(json.dumps({"refusal": why}))
    verdict._known.clear()


def why(kernel: Kernel, *, again: bool = False) -> str | None:
    lack = refusal(kernel, again=again)
    return None if lack is None else lack.what


def test_a_kernel_that_runs_is_booted_once(guest_kernel: Kernel, own_cache: Path) -> None:
    assert refusal(guest_kernel) is None
    assert verdicts(own_cache) == [None]
    rewrite(own_cache, "words of the file")
    assert refusal(guest_kernel) == ("words of the file", "")  # it was read, and nothing was booted


def test_a_kernel_that_panics_is_refused_in_a_line(tmp_path: Path, own_cache: Path) -> None:
    lack = refusal(kernel_of(put(tmp_path / "linux", PANICS)))
    assert lack is not None
    assert str(lack) == f"{PANICKED}: gtsdsl kernel build"
    assert verdicts(own_cache) == [PANICKED]


@pytest.mark.parametrize(
    ("version", "flags", "has_amx"),
    [
        ("6.1.176", "fpu avx512f amx_tile", True),
        ("6.12.48+deb13", "amx_tile", True),
        ("linux-6.12-3f2a", "amx_tile", True),
        ("6.13", "amx_tile", False),
        ("7.3.4-1~bpo13+1", "amx_tile", False),
        ("6.1.176", "fpu avx512f", False),
        ("of unknown version", "amx_tile", False),
    ],
)
def test_the_reason_is_in_the_processors_terms_where_it_is_known(version: str, flags: str, has_amx: bool) -> None:
    said = reason(version, flags.split())
    assert ("AMX" in said) is has_amx
    assert (said == PANICKED) is not has_amx


def test_a_verdict_is_of_one_kernel_one_processor(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = put(tmp_path / "linux", PANICS)
    assert why(kernel_of(executable)) == PANICKED
    rewrite(own_cache, "kept")
    assert why(kernel_of(executable)) == "kept"
    before = executable.stat()
    put(tmp_path / "other", PANICS).replace(executable)  # another file of the same name, size and date
    os.utime(executable, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert why(kernel_of(executable)) == PANICKED
    processor = tmp_path / "cpuinfo"
    processor.write_text("processor\t: 0\nmodel\t\t: 143\nflags\t\t: fpu amx_tile\n\nprocessor\t: 1\n")
    monkeypatch.setattr(verdict, "_CPU", processor)
    assert "11,008 bytes (it has AMX)" in (why(kernel_of(executable)) or "")


def test_doctor_tries_again_what_was_refused(tmp_path: Path, own_cache: Path) -> None:
    kernel = kernel_of(put(tmp_path / "linux", PANICS))
    assert why(kernel) == PANICKED
    rewrite(own_cache, "a reason that has gone")
    assert why(kernel, again=True) == PANICKED
    assert verdicts(own_cache) == [PANICKED]


def test_a_boot_that_hangs_is_given_up(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "_TIMEOUT_S", 0.5)
    assert why(kernel_of(put(tmp_path / "linux", HANGS))) == "it ran no program within 0.5 s"
    assert len(verdicts(own_cache)) == 1


def test_what_an_installation_can_mend_is_not_kept(tmp_path: Path, own_cache: Path) -> None:
    said = why(kernel_of(put(tmp_path / "linux", LACKS_A_LIBRARY)))
    assert said is not None
    assert "GLIBC_2.38" in said
    assert "\n" not in said
    assert verdicts(own_cache) == []
    assert "Exec format" in (why(kernel_of(put(tmp_path / "text", "\x7fELF"))) or "")
    assert "No such file" in (why(kernel_of(tmp_path / "missing")) or "")
    assert verdicts(own_cache) == []


@pytest.mark.parametrize("content", ["", "[]", '{"refusal": 1}', "{}", "\0", "null"])
def test_a_damaged_verdict_is_made_anew(tmp_path: Path, own_cache: Path, content: str) -> None:
    kernel = kernel_of(put(tmp_path / "linux", PANICS))
    assert why(kernel) == PANICKED
    rewrite(own_cache, "")
    (file,) = (own_cache / "gtsdsl" / "verdicts").iterdir()
    file.write_text(content)
    assert why(kernel) == PANICKED
    assert verdicts(own_cache) == [PANICKED]


def test_without_a_cache_folder_a_process_asks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    executable = put(tmp_path / "linux", PANICS)
    assert why(kernel_of(executable)) == PANICKED
    assert list(verdict._known.values()) == [verdict._Answer(PANICKED)]


def test_automatic_choice_goes_on_to_a_kernel_that_runs(
    tmp_path: Path, own_cache: Path, guest_kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = shutil.copytree(guest_kernel.executable.parent, own_cache / "gtsdsl" / "kernels" / cache.key("good"))
    cache.prefer(cache.built_kernels()[0])
    put_as_built(own_cache, PANICS)  # built last, so it is the one that --kernel uml stands for
    os.utime(good / "info.json", (1, 1))
    with pytest.raises(KernelRefusedError, match=f"^the guest kernel, Linux 7.3.4, does not run here: {PANICKED}$"):
        choose("uml")
    with pytest.raises(KernelRefusedError):
        guest_kernel_of("uml")
    assert guest_kernel_of("auto") == good / "linux"
    choice = choose()
    assert choice.kind is KernelKind.UML
    assert choice.kernel is not None
    assert choice.kernel.executable == good / "linux"
    shutil.rmtree(good)
    monkeypatch.setattr(cache, "PACKAGED", put(tmp_path / "packaged", PANICS))
    with pytest.raises(KernelRefusedError):
        guest_kernel_of("auto")


def guest_kernel_of(kind: str) -> Path:
    kernel = choose_guest(kind).kernel
    assert kernel is not None
    return kernel.executable


def test_all_commands_say_why_in_a_line(gtsdsl: Cli, own_cache: Path) -> None:
    put_as_built(own_cache, PANICS)
    (own_cache / "pair.dsl").write_text("Pair { host { id = 'h1' } }")
    said = f"the guest kernel, Linux 7.3.4, does not run here: {PANICKED}"
    for command in (
        ("guest", "--kernel", "uml", "--", "true"),
        ("guest", "--clock", "virtual", "--", "true"),
        ("emulate", "--kernel", "uml", "--exec", "h1: true", str(own_cache / "pair.dsl")),
    ):
        done = gtsdsl(*command)
        assert (done.returncode, done.stdout, done.stderr) == (3, "", f"error: {said}\n")
    done = gtsdsl("doctor", "--format", "json")
    finding = next(it for it in json.loads(done.stdout)["findings"] if it["name"] == "guest kernel, built")
    assert (finding["works"], finding["detail"]) == (False, f"Linux 7.3.4 does not run here: {PANICKED}")


def test_debians_kernel_that_does_not_run_is_said_to_be_so(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_cache
    monkeypatch.setattr(cache, "PACKAGED", put(tmp_path / "linux", PANICS))
    monkeypatch.setattr(cache, "_MODPROBE", Path("/bin/sh"))
    done = CliRunner().invoke(cli, ["guest", "--kernel", "uml-packaged", "--", "true"])
    assert done.exit_code == 3
    assert f"does not run here: {PANICKED}: gtsdsl kernel build\n" in done.output
    done = CliRunner().invoke(cli, ["doctor"])
    (line,) = (line for line in done.output.splitlines() if "guest kernel, Debian's" in line)
    assert line.startswith("no")
    assert PANICKED in line


def test_runs_at_the_same_time_come_to_the_same_verdict(tmp_path: Path, own_cache: Path) -> None:
    put_as_built(own_cache, PANICS)
    command = [sys.executable, "-m", "gtsdsl", "guest", "--kernel", "uml", "--", "true"]
    runs = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert {run.communicate()[1].count(PANICKED) for run in runs} == {1}
    assert {run.returncode for run in runs} == {3}
    assert verdicts(own_cache) == [PANICKED]

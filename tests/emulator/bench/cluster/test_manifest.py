"""The files that a cell gets from its client: those of the cache folder, and those that its task names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import gtsdsl
from emulator.bench.cells import Matrix, cells_of
from emulator.bench.cluster import manifest
from emulator.bench.cluster.manifest import cluster_job
from emulator.bench.fingerprint import Need
from emulator.bench.worker import WorkerJob
from emulator.options import OverlayOptions, RunOptions
from emulator.plan import Options
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from tests.emulator.samples import MESH


def need(path: Path) -> Need:
    return Need(path.name, sha256_of(path), str(path))


def written(path: Path, *, is_program: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)
    path.chmod(0o700 if is_program else 0o600)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of gtsdsl."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl"


def job(*needs: Need, image: Path | None = None) -> WorkerJob:
    matrix = Matrix((OverlayOptions("geneve"),), ("latency",), ("AMS-MIL",))
    cell = cells_of(gtsdsl.load(MESH), Options(), matrix).cells[0]
    assert cell.task.overlay is not None
    overlay = replace(cell.task.overlay, image=None if image is None else str(image))
    return WorkerJob(replace(cell.task, overlay=overlay), RunOptions(), cell.memory_bytes, "0" * 32, "0" * 64, needs)


def test_a_worker_gets_whole_builds_of_the_cache_and_named_files_but_no_installed_program(
    cache: Path, tmp_path: Path
) -> None:
    kernel = written(cache / "kernels" / "7.3-a" / "linux", is_program=True)
    written(kernel.with_name("info.json"))
    written(cache / "kernels" / "7.2-b" / "linux")
    video = written(cache / "videos" / "pattern.mp4")
    image = written(tmp_path / "image.tar")
    installed = written(tmp_path / "bin" / "iperf", is_program=True)
    code = Need("gtsdsl 1.0", "0" * 64)
    found = cluster_job(job(code, *map(need, (kernel, video, image, installed)), image=image))
    at = f"files/{sha256_of(image)}/image.tar"
    assert [(file.place, file.is_program) for file in found.manifest.files] == [
        ("gtsdsl/kernels/7.3-a/info.json", False),
        ("gtsdsl/kernels/7.3-a/linux", True),
        ("gtsdsl/videos/pattern.mp4", False),
        (at, False),
    ]
    assert {file.place: file.sha256 for file in found.manifest.files}[at] == sha256_of(image)
    assert found.places == {str(image): at}


@pytest.mark.usefixtures("cache")
def test_a_file_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = written(tmp_path / "large.tar")
    monkeypatch.setattr(manifest, "FILE_BYTES", 3)
    with pytest.raises(EmulationError, match=r"large.tar cannot be sent to a worker: it is no file of at most"):
        cluster_job(job(need(image), image=image))

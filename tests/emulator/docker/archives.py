"""Archives of images as `docker save` writes them, with the programs of the built-in image."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from emulator.docker.image import built_in_image

NAME = "lab:1"


def save(path: Path, command: Sequence[str] = ("/bin/sh",), variables: Sequence[str] = ()) -> Path:
    """Write an image with a variable ``ROLE``, further variables and a command, and return its path."""
    layer = built_in_image().path.read_bytes()
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": list(command), "Env": ["PATH=/bin", "ROLE=router", *variables]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    config = json.dumps(settings).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    contents = {config_name: config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path

"""An RTSP server of one video, by GStreamer's gst-rtsp-server: each client has a pipeline of its own.

`server` starts this file with the system's Python, because Debian's packages have GStreamer's bindings. The file
therefore imports nothing of this project. It prints a line of JSON for each UDP port that it has streamed to, with the
packets that it has sent there.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gi.repository import Gst, GstRtspServer

VERSION, READY = "GStreamer ", "ready"
"""The lines that the server prints when it listens: that with GStreamer's version, and the one after it."""
PATH = "/video"

_PLUGINS = {
    "coreelements": "libgstreamer1.0-0",
    "isomp4": "gstreamer1.0-plugins-good",
    "rtp": "gstreamer1.0-plugins-good",
    "rtpmanager": "gstreamer1.0-plugins-good",
    "udp": "gstreamer1.0-plugins-good",
    "videoparsersbad": "gstreamer1.0-plugins-bad",
}
"""The plugins that a pipeline and its streams use, and their packages in Debian."""
_BINDINGS = ("python3-gi", "gir1.2-gst-rtsp-server-1.0")
_LIBRARIES = Path("/usr/lib")
_PIPELINE = "( filesrc name=file ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )"
_DESCRIPTORS = 32
"""The descriptors of a client's pipeline, with some to spare: 64 clients take more than 1,024."""
_SPARE_DESCRIPTORS = 256


@dataclass(frozen=True)
class Installation:
    """This machine's GStreamer: its version, the files that are used, and the Debian packages that are missing."""

    version: str
    files: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Parameters:
    """A server's work: a video, at an address, in packets of RTP of at most ``mtu_bytes``, to ``clients`` at once.

    The ``seed`` chooses the numbers that RTP begins with.
    """

    address: str
    port: int
    video: str
    mtu_bytes: int
    clients: int
    seed: int


def examine() -> Installation:
    """Return what this machine has."""
    missing = {package for name, package in _PLUGINS.items() if not _plugins(name)}
    version = ""
    try:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("GstRtspServer", "1.0")
        from gi.repository import Gst, GstRtspServer  # noqa: F401 - to see whether it is there

        version = ".".join(map(str, Gst.version()[:3]))
    except (ImportError, ValueError):
        missing.update(_BINDINGS)
    found = [path for name in _PLUGINS for path in _plugins(name)]
    libraries = sorted(_LIBRARIES.glob("*/libgstrtspserver-1.0.so.0"))
    return Installation(version, tuple(map(str, [*found, *libraries])), tuple(sorted(missing)))


def serve(parameters: Parameters) -> None:
    """Serve until SIGTERM."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    _allow_descriptors(_SPARE_DESCRIPTORS + _DESCRIPTORS * parameters.clients)
    os.environ["GST_REGISTRY_DISABLE"] = "yes"  # to look through all plugins takes a second
    # answers have random names and numbers, whose lengths decide how long the answers take on a circuit
    GLib.random_set_seed(parameters.seed & 0xFFFFFFFF)
    Gst.init(None)
    for name in _PLUGINS:
        Gst.Plugin.load_file(str(_plugins(name)[0]))
    draw = random.Random(parameters.seed)  # noqa: S311 - the same numbers in each run
    receivers: dict[tuple[str, int], Gst.Element] = {}

    def configure(_: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        pipeline = media.get_element()
        # as a property: in the text of the pipeline, a path could add elements
        pipeline.get_by_name("file").set_property("location", parameters.video)
        payloader = pipeline.get_by_name("pay0")
        payloader.set_property("mtu", parameters.mtu_bytes)
        for name, bits in (("ssrc", 32), ("timestamp-offset", 32), ("seqnum-offset", 16)):
            payloader.set_property(name, draw.getrandbits(bits))
        pipeline.get_parent().connect("deep-element-added", watch)

    def watch(_: Gst.Bin, _parent: Gst.Bin, element: Gst.Element) -> None:
        factory = element.get_factory()
        if factory is not None and factory.get_name() == "multiudpsink":
            element.connect("client-added", add)
            element.connect("client-removed", remove)

    def add(sink: Gst.Element, host: str, port: int) -> None:
        receivers[host, port] = sink

    def remove(sink: Gst.Element, host: str, port: int) -> None:
        # GStreamer keeps the counts until this function returns, and sends no more
        if receivers.pop((host, port), None) is not None:
            _, packets = sink.emit("get-stats", host, port).get_uint64("packets-sent")
            print(json.dumps({"port": port, "packets": packets}), flush=True)

    server = GstRtspServer.RTSPServer()
    server.set_address(parameters.address)
    server.set_service(str(parameters.port))
    server.set_backlog(parameters.clients)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(_PIPELINE)
    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory(PATH, factory)
    if not server.attach(None):
        sys.exit(f"{parameters.address} port {parameters.port} cannot be listened on")
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print(f"{VERSION}{'.'.join(map(str, Gst.version()[:3]))}\n{READY}", flush=True)
    loop.run()
    for (host, port), sink in list(receivers.items()):  # of clients that have not said that they leave
        remove(sink, host, port)


def _plugins(name: str) -> list[Path]:
    return sorted(_LIBRARIES.glob(f"*/gstreamer-1.0/libgst{name}.so"))


def _allow_descriptors(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < needed:
        if resource.RLIM_INFINITY != hard < needed:
            sys.exit(f"{needed} open files are needed, {hard} allowed: raise the limit, as with `ulimit -n {needed}`")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(asdict(examine())))
    else:
        serve(Parameters(**json.loads(sys.argv[1])))

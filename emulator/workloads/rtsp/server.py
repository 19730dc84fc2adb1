"""The process of the RTSP server: its start, and the packets that it has sent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from emulator.lab.daemons import without_variables
from emulator.lab.lab import Lab
from emulator.system.decode import decode
from emulator.workloads.base import End
from emulator.workloads.programs import Server
from emulator.workloads.rtsp import gst_server
from emulator.workloads.rtsp.gst_server import Parameters
from emulator.workloads.rtsp.installation import COMMAND, VARIABLES

PORT = 8554
_NAME = "gst-rtsp-server"
_READY_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Sent:
    """A line that the server prints about a UDP port of a client."""

    port: int
    packets: int


class RtspServer(Server):
    """An RTSP server at an end until exit."""

    def __init__(self, lab: Lab, end: End, parameters: Parameters) -> None:
        """Start the server, and wait until it listens.

        Raises:
            EmulationError: the server cannot be started, or does not listen.
        """
        super().__init__(lab, end, [*without_variables(*VARIABLES), *COMMAND, json.dumps(asdict(parameters))], _NAME)
        try:
            self.wait_for(gst_server.READY, _READY_PATIENCE_S)
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> str:
        """GStreamer's version; empty if the server has not said it."""
        lines = self.printed().splitlines()
        return next((it.removeprefix(gst_server.VERSION) for it in lines if it.startswith(gst_server.VERSION)), "")

    def sent(self) -> dict[int, int]:
        """End the server, and return the packets that it has sent to each UDP port of the clients.

        Raises:
            EmulationError: the server has ended by itself.
        """
        lines = [line for line in self.output().splitlines() if line.startswith("{")]
        counts = [decode(_Sent, line, f"a line of {_NAME}") for line in lines]
        return {count.port: count.packets for count in counts}

"""A topology to a scenario of which every event is a comment, for a user to begin with."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gtsdsl.topology.model import Topology

_HEAD = """\
# What happens in a running network, and when; docs/scenarios.md has all keys.
# Times count from the moment at which the network and its overlay are ready: 10, "250ms", "100us", "2min".
# `at` begins an event that nothing undoes; `from` and `to` begin one and put back what was before.
# Remove the `#` of the events that you want. `gtsdsl check FILE --scenario THIS_FILE` says what is wrong.

end = "60s"
"""


def sample_text(topology: Topology) -> str:
    """Return the text of the scenario. The topology has a link."""
    links = [wire.link.id for wire in topology.wires]
    ends = {wire.first.resource for wire in topology.wires} | {wire.second.resource for wire in topology.wires}
    hosts = [host.id for host in topology.hosts if host.id in ends]
    events = [
        _event("A link is cut, and restored. With `silent`, its interfaces stay up, and all packets are lost.", "cut",
               ('from = "10s"', 'to = "15s"', f"link = {_of(links, 0)}", "silent = false")),
        _event("A link gets other attributes, as by `link` in the shell: delay, jitter, loss, mtu, …", "change",
               ('from = "20s"', 'to = "40s"', f"link = {_of(links, 1)}", "bandwidth = 20", 'delay = "18ms/20ms"')),
        _event("The bandwidth of a link follows a file in the format of Mahimahi, beside this one.", "trace",
               ("at = 0", f"link = {_of(links, 2)}", 'bandwidth = "radio.trace"', 'direction = "there"')),
        _event("The delay of a link follows a CSV file: seconds, milliseconds.", "trace",
               ("at = 0", f"link = {_of(links, 3)}", 'delay = "orbit.csv"', 'direction = "both"')),
    ]  # fmt: skip
    if hosts:
        words = ["ping", "-c", "3", hosts[0]]
        events += [
            _event("Neighbours leave a host a quarter of a processor, half of the time. It needs --cpu-model.", "cpus",
                   ('from = "40s"', 'to = "45s"', f"host = {_of(hosts, 0)}", "cpus = 0.25", 'for = "250ms"',
                    'every = "500ms"')),
            _event("A host loses its power, and comes back.", "kill",
                   ('from = "45s"', 'to = "50s"', f"host = {_of(hosts, 1)}")),
            _event("A command starts on a host. It needs --allow-programs.", "start",
                   ('at = "55s"', f"host = {_of(hosts, 2)}", f"command = {json.dumps(words)}")),
        ]  # fmt: skip
    return _HEAD + "".join(events)


def _of(names: Sequence[str], index: int) -> str:
    """Return one of the names as TOML, which has the escapes of JSON."""
    return json.dumps(names[index % len(names)])


def _event(about: str, kind: str, lines: Sequence[str]) -> str:
    return f"\n# {about}\n# [[{kind}]]\n" + "".join(f"# {line}\n" for line in lines)

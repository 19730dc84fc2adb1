"""A measurement for `gtsdsl bench --workloads command --setting command.file=round_trip.py`."""


def measure(network):
    """Return the round trips that `ping` measures from the first end to the second."""
    said = network.run(network.first, ["ping", "-c", "5", "-i", "0.2", network.second.address])
    samples = [float(line.partition("time=")[2].split()[0]) for line in said.splitlines() if "time=" in line]
    return {
        "rtt": {"min": {"value": min(samples), "unit": "ms"}, "max": {"value": max(samples), "unit": "ms"}},
        "samples": {"values": samples, "unit": "ms"},
    }

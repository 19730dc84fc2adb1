"""The labels of containers, by which selectors find them: those that gtsdsl gives, and those of the user."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.lab.containers import Container
from emulator.overlays.policy.meta import label_mistake
from emulator.overlays.policy.model import NAMESPACE, ORCHESTRATOR
from emulator.overlays.policy.sets import NAMESPACE_LABEL
from emulator.plan import Plan
from emulator.system.errors import OverlayError
from gtsdsl.text import did_you_mean, printable

_MOST = 1000
_MOST_SHOWN = 8
_FORM = "CONTAINER:KEY=VALUE, as in c1:role=db"


def container_labels(plan: Plan, containers: Sequence[Container], texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the labels of each container by its name; ``texts`` are the user's, such as ``c1,c2:role=db``.

    Raises:
        OverlayError: a text is malformed, or names no container.
    """
    site_of = {host.name: host.site for host in plan.hosts}
    labels = {container.name: _given(container, site_of.get(container.host)) for container in containers}
    given = {name: dict(own) for name, own in labels.items()}
    if len(texts) > _MOST:
        raise OverlayError(f"--label is given more than {_MOST} times")
    for text in texts:
        names, colon, pair = text.partition(":")
        key, equals, value = pair.partition("=")
        if not (colon and equals and names and key):
            raise OverlayError(f"--label: `{printable(text, 80)}` is not {_FORM}")
        for name in names.split(","):
            if name not in labels:
                near = did_you_mean(name, list(labels)) or f"the containers are {_listed(list(labels))}"
                raise OverlayError(f"--label: there is no container `{printable(name, 40)}`; {near}")
            mistake = label_mistake(key, value, given[name])
            if mistake is None and key in labels[name] and labels[name][key] != value:
                mistake = f"{name} has the label `{key}` already, with the value `{labels[name][key]}`"
            if mistake is not None:
                raise OverlayError(f"--label: {mistake}")
            labels[name][key] = value
    return labels


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_SHOWN]) + (", …" if names[_MOST_SHOWN:] else "")


def _given(container: Container, site: str | None) -> dict[str, str]:
    labels = {
        "name": container.name,
        "host": container.host,
        NAMESPACE_LABEL: NAMESPACE,
        "projectcalico.org/orchestrator": ORCHESTRATOR,
    }
    return labels if site is None else {**labels, "site": site}

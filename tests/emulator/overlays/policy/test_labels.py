"""The labels of containers: those that gtsdsl gives, those of the user, and refusals."""

from __future__ import annotations

import pytest

from emulator.lab.containers import Container
from emulator.overlays.policy.labels import container_labels
from emulator.plan import plan
from emulator.system.errors import OverlayError
from tests.emulator.topologies import joined

PLAN = plan(joined([("h1", "h2")], sites={"h1": "AMS"}))
CONTAINERS = (Container("c1", "h1"), Container("c2", "h2"))


def test_a_container_has_its_name_host_site_namespace_and_orchestrator() -> None:
    found = container_labels(PLAN, CONTAINERS, ())
    assert found["c1"] == {
        "name": "c1",
        "host": "h1",
        "projectcalico.org/namespace": "default",
        "projectcalico.org/orchestrator": "cni",
        "site": "AMS",
    }
    assert "site" not in found["c2"]  # h2 has none


def test_a_user_gives_labels_to_one_container_or_several() -> None:
    found = container_labels(PLAN, CONTAINERS, ("c1:role=db", "c1,c2:app.example/tier=back-end_1", "c2:empty="))
    assert (found["c1"]["role"], found["c1"]["app.example/tier"]) == ("db", "back-end_1")
    assert (found["c2"]["app.example/tier"], found["c2"]["empty"], "role" in found["c2"]) == ("back-end_1", "", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c1", "`c1` is not CONTAINER:KEY=VALUE, as in c1:role=db"),
        ("c1:role", "`c1:role` is not CONTAINER:KEY=VALUE"),
        ("role=db", "`role=db` is not CONTAINER:KEY=VALUE"),
        (":role=db", "`:role=db` is not CONTAINER:KEY=VALUE"),
        ("c1:=db", "`c1:=db` is not CONTAINER:KEY=VALUE"),
        ("c3:role=db", "there is no container `c3`; the containers are c1, c2"),
        ("c1,:role=db", "there is no container ``"),
        ("c1:ro le=db", "`ro le` is not the name of a label"),
        ("c1:role=d b", "the label `role` cannot be `d b`: a value has at most 63 letters"),
        (f"c1:role={'x' * 64}", "a value has at most 63 letters"),
        ("c1:host=h9", "the label `host` is given by gtsdsl, and cannot be set"),
        ("c1:projectcalico.org/namespace=x", "is given by gtsdsl, and cannot be set"),
        ("c1:\x1b[2J=x", r"`\x1b[2J` is not the name of a label"),
    ],
)
def test_a_wrong_label_is_refused_in_a_line(text: str, message: str) -> None:
    with pytest.raises(OverlayError) as caught:
        container_labels(PLAN, CONTAINERS, (text,))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_has_one_value() -> None:
    with pytest.raises(OverlayError, match="c1 has the label `role` already, with the value `db`"):
        container_labels(PLAN, CONTAINERS, ("c1:role=db", "c1:role=web"))
    assert container_labels(PLAN, CONTAINERS, ("c1:role=db", "c1:role=db"))["c1"]["role"] == "db"

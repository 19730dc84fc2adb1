"""Policy files and stores of strangers: bounded in time, without code, and no text of theirs becomes a rule."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from emulator.overlays.policy.iptables import iptables_tables
from emulator.overlays.policy.mistakes import PolicyError
from emulator.overlays.policy.nftables import nft_text
from emulator.overlays.policy.reader import MAX_BYTES, read_policies
from emulator.overlays.policy.sets import Endpoint
from tests.emulator.overlays.policy.samples import LABELS, policies, policy, rules

_HEAD = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n"
_LEFT = MAX_BYTES - 300
_RULE = "  - {action: Allow, protocol: TCP, source: {selector: role == 'web'}, destination: {ports: [5432]}}\n"
_RESOURCES, _RULES = 300, 20
_MOST = 5
"""The most processor time of a hostile file, in times of a harmless one. The slowest of these takes about as long."""

FILES = {
    "lists in lists": "[" * MAX_BYTES,
    "mappings in mappings": "{a: " * (MAX_BYTES // 4),
    "many values": f"a: [{'b,' * (_LEFT // 2)}]",
    "many documents": "---\n" * (MAX_BYTES // 4),
    "many resources": "---\nkind: x\napiVersion: y\n" * (_LEFT // 26),
    "many anchors": "".join(f"a{number}: &a{number} b\n" for number in range(50_000)),
    "laughs": "a: &a [x, x]\n" + "".join(f"{chr(98 + it)}: &{chr(98 + it)} [*{chr(97 + it)}]\n" for it in range(20)),
    "a long key": f"{_HEAD}  {'k' * _LEFT}: a\n",
    "many unknown keys": _HEAD + "".join(f"  selectr{number}: a\n" for number in range(40_000)),
    "a long selector": f"{_HEAD}  selector: {'(' * _LEFT}\n",
    "a long number": f"{_HEAD}  order: {'1' * _LEFT}\n",
    "a number of base 60": f"{_HEAD}  selector: {'1:5' * (_LEFT // 3)}\n",
    "a long net": f"{_HEAD}  ingress: [{{action: Allow, source: {{nets: ['{'1.' * (_LEFT // 2 - 50)}/8']}}}}]\n",
    "a long net of IPv6": f"{_HEAD}  ingress: [{{action: Deny, source: {{nets: ['{'1:' * (_LEFT // 2 - 50)}/8']}}}}]\n",
    "quotes": f"a: '{chr(39) * (_LEFT // 2 * 2)}'",
    "code": "a: !!python/object/apply:os.system ['touch hacked']\n",
    "a file of another kind": "\x7fELF\x00\x01" * 1000,
}  # fmt: skip


@pytest.fixture(scope="module")
def harmless_s() -> float:
    """The processor time of a policy file that is nearly as large and has nearly as many values as a file may have."""
    heads = [_HEAD.replace("name: p", f"name: p{number}") for number in range(_RESOURCES)]
    resources = [f"---\n{head}  selector: role == 'db'\n  ingress:\n{_RULE * _RULES}" for head in heads]
    comment = "#" * (_LEFT // _RESOURCES - len(resources[-1].encode()))
    text = "".join(f"{resource}{comment}\n" for resource in resources)
    began_s = time.process_time()
    assert len(read_policies(text, "p.yaml").policies) == _RESOURCES
    return time.process_time() - began_s


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_soon_and_nothing_in_it_runs(
    name: str, harmless_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where its code would write
    began_s = time.process_time()
    with pytest.raises(PolicyError) as caught:
        read_policies(FILES[name], "p.yaml")
    assert time.process_time() - began_s < _MOST * harmless_s
    assert list(tmp_path.iterdir()) == []
    said = str(caught.value)
    assert said.startswith("p.yaml:")
    assert said.isprintable()
    assert len(said) < 2000


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("db", "h1", 'cali"; accept; #', "10.9.1.3", LABELS["db"]),
        Endpoint("db", "h1", "cali*", "10.9.1.3", LABELS["db"]),
        Endpoint("db", "h1", "eth0", "10.9.1.3", LABELS["db"]),
        Endpoint("db", "h1", "cali\n-A", "10.9.1.3", LABELS["db"]),
    ],
)
def test_an_interface_of_a_strangers_store_becomes_no_rule(endpoint: Endpoint) -> None:
    spec = policies(policy("selector: all()"))
    assert rules(spec, endpoints=(endpoint,)).chains == rules(spec, endpoints=()).chains


def test_a_name_of_a_strangers_store_becomes_no_rule() -> None:
    spec = policies(policy("selector: all()"))
    found = rules(spec, endpoints=(Endpoint('x" accept\n#', "h1", "calix", "10.9.1.3", {'k"': 'v"\n'}),))
    assert "goto filter-cali-fw-calix\n" in nft_text(found)
    assert "-i calix -g cali-fw-calix\n" in iptables_tables(found, is_hooked=False).text

"""The names of a network's hosts."""

from __future__ import annotations

from emulator.inside.shell import Shell
from emulator.lab.hosts_file import names_of_hosts
from emulator.plan import Options, plan
from tests.emulator.topologies import joined


def test_a_host_is_known_by_its_id_too() -> None:
    made = plan(joined([("webserver01", "webserver02"), ("webserver02", "a-b")]))
    names = ["webserve01 webserver01", "webserve02 webserver02", "a_b a-b"]
    found = names_of_hosts(made)
    assert [found[host.loopback] for host in made.hosts] == names
    assert [found[host.ipv6_loopback or ""] for host in made.hosts] == names
    assert list(names_of_hosts(plan(joined([("a", "b")]), Options(ipv6=False)))) == ["100.64.0.1", "100.64.0.2"]


def test_an_id_that_is_a_domains_name_resolves() -> None:
    names = names_of_hosts(plan(joined([], alone=["db.example.org", "a..b", ".c", "d."])))
    assert names["100.64.0.1"] == "db_example db.example.org"
    assert [names[f"100.64.0.{number}"] for number in (2, 3, 4)] == ["a_b", "c", "d"]


def test_an_id_that_is_no_hosts_name_or_anothers_is_none() -> None:
    made = plan(joined([("s1/h1", "localhost"), ("A-b", "a-B"), ("10.0.0.1", "-x")]))
    assert all(" " not in names for names in names_of_hosts(made).values())


def test_a_host_called_as_a_command_of_the_shell_has_another_name() -> None:
    commands = {name.removeprefix("do_") for name in dir(Shell) if name.startswith("do_")}
    hosts = plan(joined([], alone=sorted(commands))).hosts
    assert not commands & {host.name for host in hosts}

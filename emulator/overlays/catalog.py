"""The catalog of overlays: each variant with its description, and what this machine lacks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import get_args

from emulator.cpu.model import OWN_STAGES, TRANSIT_STAGES
from emulator.options import SUBNET_POOL, Flag, OverlayOptions, PolicyEngine
from emulator.overlays import names, overlay_class
from emulator.overlays.deployment import missing
from emulator.overlays.model import About, OverlaySpec, PacketWay
from emulator.overlays.policy.model import PolicySpec
from emulator.stores.model import StoreLocation
from emulator.system.errors import EmulationError

_HOSTS, _ANY = ("h1", "h2"), "any"
_FLAGS = {field.name: Flag.of(field.metadata).name for field in fields(OverlayOptions)}
_REAL_AGENT = f"{_FLAGS['agent']} real"


@dataclass(frozen=True, slots=True)
class Entry:
    """A variant of an overlay.

    ``has_store`` is True if the variant keeps its state in an etcd. ``flags`` are the options of the command line that
    the variant takes and other overlays do not. ``runtimes`` are those of its containers.
    """

    overlay: str
    variant: str
    about: About
    has_store: bool
    flags: tuple[str, ...]
    runtimes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The overlay and the variant, as ``--overlay`` takes them."""
        return f"{self.overlay}:{self.variant}"


@dataclass(frozen=True, slots=True)
class Survey:
    """The missing things of each variant, as JSON crosses them from a guest. The keys are those of `Entry.name`.

    A sentence names a missing thing and the command that adds it. ``option_lacks`` has, by an option such as
    ``--overlay-password``, what is missing for the variant with that option, and not without it.
    """

    lacks: dict[str, tuple[str, ...]]
    option_lacks: dict[str, dict[str, tuple[str, ...]]]


def entries() -> tuple[Entry, ...]:
    """Return all variants of all overlays; of each overlay, the default variant comes first."""
    return tuple(_entries())


def survey() -> Survey:
    """Return what is missing here. Call it where a lab would run."""
    lacks: dict[str, tuple[str, ...]] = {}
    option_lacks: dict[str, dict[str, tuple[str, ...]]] = {}
    for entry in entries():
        found = lacks[entry.name] = _lacks(_spec(entry))
        option_lacks[entry.name] = {
            option: tuple(sentence for sentence in _lacks(spec) if sentence not in found)
            for option, spec in _with_options(entry)
        }
    return Survey(lacks, option_lacks)


def with_agents(found: Survey) -> Survey:
    """Return a survey with what is missing for real agents. Call it outside: a guest cannot judge the user's cache."""
    option_lacks = dict(found.option_lacks)
    for entry in entries():
        if _FLAGS["agent"] in entry.flags:
            option_lacks[entry.name] = option_lacks.get(entry.name, {}) | {_REAL_AGENT: _agent_lacks(entry)}
    return replace(found, option_lacks=option_lacks)


def _entries() -> Iterator[Entry]:
    for name in names():
        kind = overlay_class(name)
        for variant in kind.variants:
            flags = tuple(sorted(_FLAGS[field] for field in kind.options(variant)))
            yield Entry(name, variant, kind.about(variant), kind.needs_store(variant), flags, kind.runtimes)


def ways() -> dict[str, PacketWay]:
    """Return the way of a packet over each variant of each overlay, without encryption, by ``flannel:vxlan``."""
    kinds = {name: overlay_class(name) for name in names()}
    return {
        f"{name}:{variant}": kind.way(variant, is_encrypted=False)
        for name, kind in kinds.items()
        for variant in kind.variants
    }


def stages_by_way() -> dict[str, tuple[str, ...]]:
    """Return the stages of each kind of packet on a host: its own, forwarded ones, and those over each variant.

    The keys are texts for people: ``a host itself``, ``forwarding``, ``flannel:vxlan``, ``weave:fastdp, encrypted``.
    """
    found = {"a host itself": OWN_STAGES, "forwarding": TRANSIT_STAGES}
    for name, way in ways().items():
        if way.is_own:
            continue
        found[name] = way.stages
        overlay, _, variant = name.partition(":")
        encrypted = overlay_class(overlay).way(variant, is_encrypted=True)
        if encrypted != way:
            found[f"{name}, encrypted"] = encrypted.stages
    return found


def _spec(entry: Entry) -> OverlaySpec:
    """Return the specification of the variant on two hosts, without containers."""
    store = StoreLocation(host=_HOSTS[0]) if entry.has_store else None
    runtime = overlay_class(entry.overlay).runtimes[0]
    return OverlaySpec(entry.overlay, entry.variant, _HOSTS, (), SUBNET_POOL, runtime, store)


def _with_options(entry: Entry) -> Iterator[tuple[str, OverlaySpec]]:
    """Yield each option that may need more of the machine, with the specification that it makes."""
    spec = _spec(entry)
    if _FLAGS["password"] in entry.flags:
        yield _FLAGS["password"], replace(spec, password=_ANY)
    if _FLAGS["policy_engine"] in entry.flags:
        for engine in get_args(PolicyEngine):
            policy = PolicySpec((), (), {_ANY: {}}, engine)
            yield f"{_FLAGS['policy_engine']} {engine}", replace(spec, policy=policy)


def _lacks(spec: OverlaySpec) -> tuple[str, ...]:
    try:
        return tuple(missing(spec))
    except EmulationError as error:
        return (str(error),)


def _agent_lacks(entry: Entry) -> tuple[str, ...]:
    try:
        overlay_class(entry.overlay).programs(replace(_spec(entry), agent="real"))
    except EmulationError as error:
        return (str(error),)
    return ()

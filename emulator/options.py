"""The options of a run as three values: how the network runs, what its hosts are, and the overlay on them.

Each field holds the `Flag` from which the command line makes an option. To add an option, add a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, get_args

from emulator.kernel.kinds import Clock, KernelKind
from emulator.lab.containers import Runtime
from gtsdsl.model.units import LEAST_MTU_BYTES, MAX_MTU_BYTES

SUBNET_POOL = "10.244.0.0/16"
"""The default network that containers get addresses from; flannel's manifest has the same."""

IPV6_POOL = "fd00:10:244::/56"
"""The default network that containers get IPv6 addresses from; flannel's own tests have the same."""

PolicyEngine = Literal["nftables", "iptables"]
"""The packet filter of the kernel that enforces a policy."""

_FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of the command line, which sets the field that holds it."""

    name: str
    help: str
    metavar: str | None = None
    """The word for the value in the help; None takes the word of the type."""
    choices: Sequence[str] = ()
    """All values that the option takes; empty where there are others."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Old names of choices, each with the new one."""
    type: Literal["text", "texts", "names", "number", "size", "seconds", "pairs", "routing"] = "text"
    """The form of a value: a size is ``512M``, pairs are ``A=B``, names are ``h1,h3``. Texts and pairs may be given
    several times."""
    least: int = 0
    most: int | None = None
    """The smallest number or size, and the largest number or number of seconds; None is no limit."""

    is_list: bool = False
    """Whether one value has parts for several hosts. The option may be given once only, because the last would win."""

    is_shared: bool = False
    """Whether another dataclass of the same command has the flag, too."""

    in_files: bool = True
    """Whether the TOML file of a benchmark may set the option, too. Such files come from strangers."""

    @property
    def metadata(self) -> Mapping[str, object]:
        """The metadata of a field that holds this flag."""
        return {_FLAG: self}

    @staticmethod
    def of(metadata: Mapping[str, object]) -> Flag:
        """Return the flag of a field from the metadata of the field.

        Raises:
            TypeError: the field has no flag.
        """
        flag = metadata.get(_FLAG)
        if not isinstance(flag, Flag):
            raise TypeError("a field of the options has no flag")
        return flag


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The kernel, the clock and the limits of a run, as a user chooses them. A limit of None has its default."""

    kernel: str = field(
        default="auto",
        metadata=Flag(
            "--kernel",
            "uml: the built guest kernel. native: this machine's own. uml-packaged: Debian's guest kernel. "
            "auto: the first of these that runs here and has the clock.",
            choices=("auto", KernelKind.UML.value, KernelKind.NATIVE.value, KernelKind.PACKAGED.value),
            aliases={"host": KernelKind.NATIVE.value},
        ).metadata,
    )
    """``auto`` or the value of a `KernelKind`."""
    clock: str = field(
        default="auto",
        metadata=Flag(
            "--clock",
            "virtual: computing takes no time, waiting is skipped. skip: waiting is skipped. real: neither. "
            "auto: real for a shell that `emulate` opens on a terminal, otherwise virtual if the kernel has it.",
            choices=("auto", *(clock.value for clock in Clock)),
        ).metadata,
    )
    """``auto`` or the value of a `Clock`."""
    memory_bytes: int | None = field(
        default=None,
        metadata=Flag(
            "--memory",
            "Memory of the guest.  [default: 1G, more for some overlays]",
            metavar="SIZE",
            type="size",
            least=2**26,
        ).metadata,
    )
    timeout_s: float | None = field(
        default=None,
        metadata=Flag(
            "--timeout", "End the run after this many seconds of real time.", metavar="SECONDS", type="seconds"
        ).metadata,
    )
    patience_s: float | None = field(
        default=None,
        metadata=Flag(
            "--patience",
            "End the run if its virtual clock stands still for this many seconds of its processor time.  [default: 60]",
            metavar="SECONDS",
            type="seconds",
        ).metadata,
    )
    output_bytes: int | None = field(
        default=None,
        metadata=Flag(
            "--output-limit",
            "End the run when its files on this machine exceed this size. Each file counts as 64K or more.  "
            "[default: 8G]",
            metavar="SIZE",
            type="size",
            least=2**20,
        ).metadata,
    )


_IMAGE = Flag(
    "--image",
    "Image of Docker containers: a file of `docker save` or `docker export`, or the name of an image in your Docker. "
    "With --hosts docker, also h1=IMAGE,h3=IMAGE: on these hosts.  [default: a small image that gtsdsl makes]",
    metavar="IMAGE",
    is_list=True,
    is_shared=True,
)
"""The image of hosts that are containers, or of an overlay's containers: a run has only one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """The kind of a network's hosts, and whether flavors limit its containers."""

    kind: Runtime = field(
        default="process",
        metadata=Flag(
            "--hosts",
            "Run each host as processes in a network namespace, or as a Docker container.",
            choices=get_args(Runtime),
        ).metadata,
    )
    image_map: Mapping[str, str] = field(
        default_factory=dict,
        metadata=Flag(
            "--image-map",
            "Image for an imageId, with --hosts docker: a file of `docker save` or `docker export`, or the name of an "
            "image in your Docker. Repeatable.",
            metavar="IMAGEID=IMAGE",
            type="pairs",
        ).metadata,
    )
    """The image for each ``imageId``: the path of an archive, or a name that the user's Docker has."""
    image: str | None = field(default=None, metadata=_IMAGE.metadata)
    """The image of hosts whose ``imageId`` is not in ``image_map``, or of some hosts by name: ``h1=IMAGE,h3=IMAGE``.
    None is a small image that gtsdsl makes, for hosts without ``imageId``."""
    flavors: bool = field(
        default=False,
        metadata=Flag(
            "--flavors", "Limit each container to the memory and the processors of its host's flavorId."
        ).metadata,
    )
    """Whether flavors limit the containers: those of an overlay, or hosts that are containers of Docker."""


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """An overlay and its containers, as a user chooses them."""

    name: str = field(
        metadata=Flag(
            "--overlay",
            "Join containers on all hosts with an overlay, such as flannel or flannel:udp; see docs/overlays.md.",
            metavar="NAME[:VARIANT]",
        ).metadata
    )
    """The overlay, and after a colon its variant; the default is the overlay's first variant, and for Docker's
    one that this machine's Docker has."""
    _: KW_ONLY
    containers: int = field(
        default=1, metadata=Flag("--containers", "Containers on each host: c1, c2, …", type="number").metadata
    )
    runtime: Runtime | None = field(
        default=None,
        metadata=Flag(
            "--runtime",
            "Run each container as processes in a network namespace, or as a Docker container in its host.  "
            "[default: process; docker for libnetwork]",
            choices=get_args(Runtime),
        ).metadata,
    )
    """None is the overlay's first runtime."""
    store: str | None = field(
        default=None,
        metadata=Flag(
            "--store",
            "Host, site or address of the store (etcd).  [default: the first host]",
            metavar="HOST|SITE|ADDRESS",
        ).metadata,
    )
    subnet_pool: str = field(
        default=SUBNET_POOL,
        metadata=Flag("--overlay-network", "Network that containers get addresses from.", metavar="CIDR").metadata,
    )
    ipv6: bool = field(
        default=False,
        metadata=Flag("--overlay-ipv6", "Give containers IPv6 addresses too, where the overlay carries IPv6.").metadata,
    )
    ipv6_pool: str | None = field(
        default=None,
        metadata=Flag(
            "--overlay-ipv6-network",
            f"Network that containers get IPv6 addresses from; implies --overlay-ipv6.  [default: {IPV6_POOL}]",
            metavar="CIDR",
        ).metadata,
    )
    """None is `IPV6_POOL` with ``ipv6``, and no IPv6 without."""
    image: str | None = field(default=None, metadata=_IMAGE.metadata)
    """None is a small image that gtsdsl makes."""
    agent: str | None = field(
        default=None,
        metadata=Flag(
            "--agent",
            "Agent on each host: gtsdsl's own, the real one of `gtsdsl agents build`, or your own program. "
            "h1=real,h3=real: on these hosts only.  [default: built-in]",
            metavar="built-in|real|PATH",
            is_list=True,
        ).metadata,
    )
    """None is the built-in agent."""
    password: str | None = field(
        default=None,
        metadata=Flag(
            "--overlay-password", "Encrypt the connections of weave with keys from this password.", metavar="PASSWORD"
        ).metadata,
    )
    """None is no encryption."""
    reflectors: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--reflectors",
            "Hosts that are route reflectors, for calico:rr.  [default: the first host]",
            metavar="HOST,HOST",
            type="names",
            is_list=True,
        ).metadata,
    )
    """The names of hosts; empty is the overlay's choice."""
    mtu_bytes: int | None = field(
        default=None,
        metadata=Flag(
            "--overlay-mtu",
            "MTU of the containers.  [default: the overlay's own rule, see docs/overlays.md]",
            metavar="BYTES",
            type="number",
            least=LEAST_MTU_BYTES,
            most=MAX_MTU_BYTES,
        ).metadata,
    )
    """None is the overlay's own rule, which mostly follows the circuits' MTU."""
    policy: str | None = field(
        default=None,
        metadata=Flag("--policy", "File of network policies in Calico's YAML, for calico.", metavar="FILE").metadata,
    )
    policy_engine: PolicyEngine | None = field(
        default=None,
        metadata=Flag(
            "--policy-engine",
            "Packet filter that enforces --policy.  [default: nftables]",
            choices=get_args(PolicyEngine),
        ).metadata,
    )
    """None is nftables."""
    labels: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--label",
            "Label of a container for the selectors of --policy, such as c1:role=db or c1,c2:role=db. Repeatable.",
            metavar="CONTAINER:KEY=VALUE",
            type="texts",
        ).metadata,
    )

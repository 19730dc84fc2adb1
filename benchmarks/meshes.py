"""Full meshes of any size, spelt out or as ten lines of loops."""

from __future__ import annotations

from itertools import combinations

SITES = ("AMS", "MIL", "LJU", "BRA", "PRA")


def spelt_out(hosts: int) -> str:
    """Return a full mesh whose hosts, ports, links and adjacencies are all written out."""
    lines = ["FullMesh {", '  id = "mesh"']
    for host in range(hosts):
        lines += [f'  host {{ id="h{host}" location="{SITES[host % 5]}"']
        lines += [f'    port {{ id="p{peer}" }}' for peer in range(hosts) if peer != host]
        lines += ["  }"]
    for a, b in combinations(range(hosts), 2):
        lines += [
            f'  link {{ id="l{a}_{b}" port {{ id="src" }} port {{ id="dst" }} }}',
            f"  adjacency h{a}.p{b}, l{a}_{b}.src",
            f"  adjacency h{b}.p{a}, l{a}_{b}.dst",
        ]
    return "\n".join([*lines, "}", ""])


def looped(hosts: int) -> str:
    """Return the same full mesh, written with loops."""
    return f"""type Mesh(n = {hosts}, sites = ["AMS", "MIL", "LJU", "BRA", "PRA"]) {{
  def hosts = (0..<n).collect {{ i ->
    host {{ id = "h${{i}}"; location = sites[i % 5]; (0..<n).each {{ j -> if (j != i) port {{ id = "p${{j}}" }} }} }}
  }}
  for (i in 0..<n) for (j in (i + 1)..<n) {{
    def l = link {{ id = "l${{i}}_${{j}}"; port {{ id = "src" }}; port {{ id = "dst" }} }}
    adjacency hosts[i].port("p${{j}}"), l.src
    adjacency hosts[j].port("p${{i}}"), l.dst
  }}
}}
"""

// Two machines with addresses of their own, in both families: see docs/ipv6.md.
Lab {
  id = "Lab"
  host {
    id = "c1"
    location = "AMS"
    ipv4 = "192.0.2.1"
    ipv6 = "2001:db8::1"
    port { id = "p"; ipv4 = "198.51.100.1/30"; ipv6 = "2100::2/64" }
  }
  host {
    id = "r1"
    location = "MIL"
    ipv4 = "192.0.2.2"
    ipv6 = "2001:db8::2"
    port { id = "p"; ipv4 = "198.51.100.2/30"; ipv6 = "2100::1/64" }
  }
  link {
    id = "l1"
    port { id = "src" }
    port { id = "dst" }
  }
  adjacency "c1.p", "l1.src"
  adjacency "r1.p", "l1.dst"
}

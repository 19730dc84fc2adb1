// Four hosts in a line. The circuit in the middle has a smaller MTU than the others, as a tunnel has.
PathMtu {
  description = "A narrow circuit in the middle of a path"

  host { id = "h1"; location = "AMS"; port { id = "east" } }
  host { id = "h2"; location = "BRA"; port { id = "west" }; port { id = "east" } }
  host { id = "h3"; location = "MIL"; port { id = "west" }; port { id = "east" } }
  host { id = "h4"; location = "LJU"; port { id = "west" } }

  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; mtu = 1400; port { id = "src" }; port { id = "dst" } }
  link { id = "l3"; port { id = "src" }; port { id = "dst" } }

  adjacency h1.east, l1.src
  adjacency h2.west, l1.dst
  adjacency h2.east, l2.src
  adjacency h3.west, l2.dst
  adjacency h3.east, l3.src
  adjacency h4.west, l3.dst
}

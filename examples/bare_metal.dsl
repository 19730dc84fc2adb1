// Bare-metal servers at three sites, on circuits of 10 Gbit/s.
BareMetal {
  id = "BareMetal"
  description = "Three physical servers in a ring"

  baremetalserver {
    id = "b1"
    location = "HAM"
    image = "Ubuntu-16.04"
    port { id = "left" }
    port { id = "right" }
  }
  baremetalserver {
    id = "b2"
    location = "LON"
    image = "Ubuntu-16.04"
    port { id = "left" }
    port { id = "right" }
  }
  baremetalserver {
    id = "b3"
    location = "PAR"
    image = "Ubuntu-16.04"
    port { id = "left" }
    port { id = "right" }
  }

  link { id = "l1"; bandwidth = 10000; port { id = "src" }; port { id = "dst" } }
  adjacency b1.right, l1.src
  adjacency b2.left, l1.dst

  link { id = "l2"; bandwidth = 10000; port { id = "src" }; port { id = "dst" } }
  adjacency b2.right, l2.src
  adjacency b3.left, l2.dst

  link { id = "l3"; bandwidth = 10000; port { id = "src" }; port { id = "dst" } }
  adjacency b3.right, l3.src
  adjacency b1.left, l3.dst
}

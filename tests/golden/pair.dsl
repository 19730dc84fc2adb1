Pair {
  id = "pair"
  description = "Two hosts, \"one\" link"
  owner = "a \$1 lab"
  host {
    id = "h1"
    location = "AMS"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "p1" }
  }
  link {
    id = "l 1"
    bandwidth = 1000
    delay = "18ms"
    share = 0.50
    tags = ["a", null, true]
    port { id = "src" }
    port { id = "dst" }
  }
  host {
    id = "h.2"
    location = "mil"
    port { id = "p1" }
    port { id = "unused" }
  }
  adjacency h1.p1, "l 1.src"
  adjacency "l 1.dst", "h.2.p1"
}

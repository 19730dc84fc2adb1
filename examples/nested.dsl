// Testbeds inside a testbed. Each island is a switch with hosts around it, and exports one port.
type Island(site, n = 2) {
  description = "Hosts around a switch"
  port { id = "up" }

  vsi {
    id = "s"
    location = site
    (1..n).each { port { id = "p${it}" } }
    port { id = "up" }
  }
  (1..n).each { i ->
    def h = host { id = "h${i}"; location = site; port { id = "eth1" } }
    def l = link { id = "l${i}"; port { id = "src" }; port { id = "dst" } }
    adjacency h.eth1, l.src
    adjacency "s.p${i}", l.dst
  }
  adjacency up, s.up
}

type Islands {
  description = "Two islands and the circuit between them"
  Island { id = "west"; site = "AMS" }
  Island { id = "east"; site = "BRA"; n = 3 }

  link { id = "l"; port { id = "src" }; port { id = "dst" } }
  adjacency west.up, l.src
  adjacency east.up, l.dst
}

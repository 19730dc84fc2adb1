type Island(n = 2, site = "BRA") {
  if (n == 2) {
    port { id = "up" }
    host {
      id = "h1"
      location = "BRA"
      port { id = "q" }
    }
    host {
      id = "h2"
      location = "BRA"
      port { id = "q" }
    }
    adjacency up, h1.q
  }
  if (n == 3) {
    port { id = "up" }
    host {
      id = "h1"
      location = "BRA"
      port { id = "q" }
    }
    host {
      id = "h2"
      location = "BRA"
      port { id = "q" }
    }
    host {
      id = "h3"
      location = "BRA"
      port { id = "q" }
    }
    adjacency up, h1.q
  }
}

Islands {
  id = "islands"
  Island {
    id = "s1"
    n = 2
    site = "BRA"
  }
  Island {
    id = "s2"
    n = 3
    site = "BRA"
  }
  Island {
    id = "s3"
    n = 2
    site = "BRA"
  }
  link {
    id = "l"
    port { id = "src" }
    port { id = "dst" }
  }
  adjacency s1.up, l.src
  adjacency s2.up, l.dst
}

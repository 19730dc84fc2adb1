Line {
  host { id = "h1"; location = "BRA"; port { id = "p" } }
  host { id = "h2"; location = "PAR"; port { id = "p" }; port { id = "q" } }
  host { id = "h3"; location = "MAD"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
  adjacency h2.q, l2.src
  adjacency h3.p, l2.dst
}

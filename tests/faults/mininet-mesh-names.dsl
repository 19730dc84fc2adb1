Tri {
  host { id = "h1"; location = "AMS"; port { id = "a" }; port { id = "b" } }
  host { id = "h2"; location = "MIL"; port { id = "a" }; port { id = "b" } }
  host { id = "h3"; location = "LJU"; port { id = "a" }; port { id = "b" } }
  link { id = "l12"; port { id = "src" }; port { id = "dst" } }
  link { id = "l23"; port { id = "src" }; port { id = "dst" } }
  link { id = "l13"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.a, l12.src
  adjacency h2.a, l12.dst
  adjacency h2.b, l23.src
  adjacency h3.a, l23.dst
  adjacency h1.b, l13.src
  adjacency h3.b, l13.dst
}

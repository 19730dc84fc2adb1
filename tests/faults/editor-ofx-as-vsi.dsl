My_Lab {
  id = "My_Lab"
  host { id = "h1"; location = "AMS"; imageId = "Ubuntu-14.04.qcow2"; flavorId = "c1r1h10"; port { id = "p" } }
  ofx { id = "s1"; location = "AMS"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency s1.p, l1.dst
}

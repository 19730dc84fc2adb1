// Five mistakes, for `gtsdsl check` to find.
Mistakes {
  id = "mistakes"

  host { id = "h1"; location = "AMS"; port { id = "port11" } }
  host { id = "h2"; location = "MLI"; flavorId = "2 cores"; port { id = "port11" } }
  host { id = "h1"; location = "LJU"; port { id = "port11" } }

  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port1l, l1.src
  adjacency h2.port11, l1.dts
}

// Five virtual machines at five sites. One circuit joins each pair of them: ten circuits.
// Port `port13` of `h1` leads to `h3`. The study of 2016 measured the six circuits that do not end in Prague.
FullMesh {
  id = "FullMesh_Dispersed"
  description = "Full mesh over five sites"

  host {
    id = "h1"
    location = "AMS"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port12" }
    port { id = "port13" }
    port { id = "port14" }
    port { id = "port15" }
  }
  host {
    id = "h2"
    location = "MIL"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port21" }
    port { id = "port23" }
    port { id = "port24" }
    port { id = "port25" }
  }
  host {
    id = "h3"
    location = "LJU"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port31" }
    port { id = "port32" }
    port { id = "port34" }
    port { id = "port35" }
  }
  host {
    id = "h4"
    location = "BRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port41" }
    port { id = "port42" }
    port { id = "port43" }
    port { id = "port45" }
  }
  host {
    id = "h5"
    location = "PRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port51" }
    port { id = "port52" }
    port { id = "port53" }
    port { id = "port54" }
  }

  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port12, l1.src
  adjacency h2.port21, l1.dst

  link { id = "l2"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port13, l2.src
  adjacency h3.port31, l2.dst

  link { id = "l3"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port14, l3.src
  adjacency h4.port41, l3.dst

  link { id = "l4"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port15, l4.src
  adjacency h5.port51, l4.dst

  link { id = "l5"; port { id = "src" }; port { id = "dst" } }
  adjacency h2.port23, l5.src
  adjacency h3.port32, l5.dst

  link { id = "l6"; port { id = "src" }; port { id = "dst" } }
  adjacency h2.port24, l6.src
  adjacency h4.port42, l6.dst

  link { id = "l7"; port { id = "src" }; port { id = "dst" } }
  adjacency h2.port25, l7.src
  adjacency h5.port52, l7.dst

  link { id = "l8"; port { id = "src" }; port { id = "dst" } }
  adjacency h3.port34, l8.src
  adjacency h4.port43, l8.dst

  link { id = "l9"; port { id = "src" }; port { id = "dst" } }
  adjacency h3.port35, l9.src
  adjacency h5.port53, l9.dst

  link { id = "l10"; port { id = "src" }; port { id = "dst" } }
  adjacency h4.port45, l10.src
  adjacency h5.port54, l10.dst
}

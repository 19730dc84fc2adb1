// Two hosts and the circuit between them, one of the six circuits that the study of 2016 measured.
PointToPoint {
  id = "PtP_AMS_MIL"
  description = "Point to point, AMS to MIL"

  host {
    id = "h1"
    location = "AMS"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port1" }
  }
  host {
    id = "h2"
    location = "MIL"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "port1" }
  }

  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.port1, l1.src
  adjacency h2.port1, l1.dst
}

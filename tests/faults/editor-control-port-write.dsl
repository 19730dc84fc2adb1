Lab {
  host { id = "vm1"; location = "AMS"; imageId = "Ubuntu-14.04.qcow2"; flavorId = "c1r1h10"; port { id = "p1" }; port { id = "p2" } }
  vsi { id = "sw1"; location = "AMS"; switchIPv4Addr = "10.0.9.1"; switchIPv4Mask = "255.255.255.0"; switchMode = "hard"
        controller { ipv4 = "10.0.9.2"; port = "6633" }
        port { id = "p1"; logicalPort = 1 }
        port { id = "pC"; mode = "CONTROL" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; port { id = "src" }; port { id = "dst" } }
  adjacency vm1.p1, l1.src
  adjacency sw1.p1, l1.dst
  adjacency vm1.p2, l2.src
  adjacency sw1.pC, l2.dst
}

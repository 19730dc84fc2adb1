Switches {
  id = "two-switches"
  vsi {
    id = "v1"
    location = "AMS"
    switchIPv4Addr = "10.10.100.1"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller {
      ipv4 = "10.10.100.100"
      port = 6633
    }
    port {
      id = "p1"
      logicalPort = 1
    }
    port {
      id = "c"
      mode = "CONTROL"
    }
  }
  ofx {
    id = "o1"
    location = "PRG"
    fabricIPv4 = "192.168.1.1"
    fabricSubnetMaskv4 = "255.255.255.0"
    controllerIPv4 = "192.168.1.2"
    controllerPort = "6633"
    port { id = "p1" }
  }
  baremetalserver {
    id = "b1"
    location = "HAM"
    image = "CentOS-6.x-minimal.iso"
    port { id = "e0" }
  }
  link {
    id = "l1"
    port { id = "src" }
    port { id = "dst" }
  }
  link {
    id = "l2"
    bandwidth = 100
    port { id = "src" }
    port { id = "dst" }
  }
  adjacency v1.p1, l1.src
  adjacency o1.p1, l1.dst
  adjacency b1.e0, l2.src
  adjacency v1.c, l2.dst
}

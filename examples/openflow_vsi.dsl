// Six OpenFlow switch instances (`vsi`) in a ring with a chord. Each has a host and a link to the one controller.
// A loop of switches is not a mistake: the controller, or the spanning tree protocol, breaks the loop.
OpenFlow {
  id = "OpenFlow_vsi"
  description = "Six OpenFlow switches and their controller"

  host {
    id = "controller"
    location = "AMS"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "s1" }
    port { id = "s2" }
    port { id = "s3" }
    port { id = "s4" }
    port { id = "s5" }
    port { id = "s6" }
  }

  vsi {
    id = "s1"
    location = "AMS"
    switchIPv4Addr = "192.168.10.1"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s2"; logicalPort = 2 }
    port { id = "s4"; logicalPort = 3 }
    port { id = "s6"; logicalPort = 4 }
  }
  vsi {
    id = "s2"
    location = "MIL"
    switchIPv4Addr = "192.168.10.2"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s1"; logicalPort = 2 }
    port { id = "s3"; logicalPort = 3 }
  }
  vsi {
    id = "s3"
    location = "LJU"
    switchIPv4Addr = "192.168.10.3"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s2"; logicalPort = 2 }
    port { id = "s4"; logicalPort = 3 }
  }
  vsi {
    id = "s4"
    location = "BRA"
    switchIPv4Addr = "192.168.10.4"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s1"; logicalPort = 2 }
    port { id = "s3"; logicalPort = 3 }
    port { id = "s5"; logicalPort = 4 }
  }
  vsi {
    id = "s5"
    location = "PRA"
    switchIPv4Addr = "192.168.10.5"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s4"; logicalPort = 2 }
    port { id = "s6"; logicalPort = 3 }
  }
  vsi {
    id = "s6"
    location = "HAM"
    switchIPv4Addr = "192.168.10.6"
    switchIPv4Mask = "255.255.255.0"
    switchMode = "hard"
    controller { ipv4 = "192.168.10.100"; port = 6633 }
    port { id = "control"; mode = "CONTROL" }
    port { id = "host"; logicalPort = 1 }
    port { id = "s1"; logicalPort = 2 }
    port { id = "s5"; logicalPort = 3 }
  }

  host {
    id = "h1"
    location = "AMS"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }
  host {
    id = "h2"
    location = "MIL"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }
  host {
    id = "h3"
    location = "LJU"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }
  host {
    id = "h4"
    location = "BRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }
  host {
    id = "h5"
    location = "PRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }
  host {
    id = "h6"
    location = "HAM"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c2r4h20"
    port { id = "eth1" }
  }

  link { id = "control1"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s1, control1.src
  adjacency s1.control, control1.dst

  link { id = "control2"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s2, control2.src
  adjacency s2.control, control2.dst

  link { id = "control3"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s3, control3.src
  adjacency s3.control, control3.dst

  link { id = "control4"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s4, control4.src
  adjacency s4.control, control4.dst

  link { id = "control5"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s5, control5.src
  adjacency s5.control, control5.dst

  link { id = "control6"; port { id = "src" }; port { id = "dst" } }
  adjacency controller.s6, control6.src
  adjacency s6.control, control6.dst

  link { id = "access1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.eth1, access1.src
  adjacency s1.host, access1.dst

  link { id = "access2"; port { id = "src" }; port { id = "dst" } }
  adjacency h2.eth1, access2.src
  adjacency s2.host, access2.dst

  link { id = "access3"; port { id = "src" }; port { id = "dst" } }
  adjacency h3.eth1, access3.src
  adjacency s3.host, access3.dst

  link { id = "access4"; port { id = "src" }; port { id = "dst" } }
  adjacency h4.eth1, access4.src
  adjacency s4.host, access4.dst

  link { id = "access5"; port { id = "src" }; port { id = "dst" } }
  adjacency h5.eth1, access5.src
  adjacency s5.host, access5.dst

  link { id = "access6"; port { id = "src" }; port { id = "dst" } }
  adjacency h6.eth1, access6.src
  adjacency s6.host, access6.dst

  link { id = "trunk12"; port { id = "src" }; port { id = "dst" } }
  adjacency s1.s2, trunk12.src
  adjacency s2.s1, trunk12.dst

  link { id = "trunk23"; port { id = "src" }; port { id = "dst" } }
  adjacency s2.s3, trunk23.src
  adjacency s3.s2, trunk23.dst

  link { id = "trunk34"; port { id = "src" }; port { id = "dst" } }
  adjacency s3.s4, trunk34.src
  adjacency s4.s3, trunk34.dst

  link { id = "trunk45"; port { id = "src" }; port { id = "dst" } }
  adjacency s4.s5, trunk45.src
  adjacency s5.s4, trunk45.dst

  link { id = "trunk56"; port { id = "src" }; port { id = "dst" } }
  adjacency s5.s6, trunk56.src
  adjacency s6.s5, trunk56.dst

  link { id = "trunk61"; port { id = "src" }; port { id = "dst" } }
  adjacency s6.s1, trunk61.src
  adjacency s1.s6, trunk61.dst

  link { id = "trunk14"; port { id = "src" }; port { id = "dst" } }
  adjacency s1.s4, trunk14.src
  adjacency s4.s1, trunk14.dst
}

// The study's full mesh: a host for each site, and a circuit between each two of them. Host h1 is at the first site.
// With the same site five times, the mesh is local. A host is a virtual machine of two processors and 4 GB, as the
// study's were.
type FullMesh(List sites = ["AMS", "MIL", "LJU", "BRA", "PRA"], String name = "FullMesh_Dispersed") {
  id = name
  description = "Full mesh over ${sites.join(", ")}"

  def hosts = (0..<sites.size()).collect { i ->
    host {
      id = "h${i + 1}"
      location = sites[i]
      imageId = "Ubuntu-14.04.qcow2"
      flavorId = "c2r4h20"
      (0..<sites.size()).each { j -> if (j != i) port { id = "port${i + 1}${j + 1}" } }
    }
  }
  for (i in 0..<sites.size()) {
    for (j in (i + 1)..<sites.size()) {
      def circuit = link { id = "l${i + 1}${j + 1}"; port { id = "src" }; port { id = "dst" } }
      adjacency hosts[i].port("port${i + 1}${j + 1}"), circuit.src
      adjacency hosts[j].port("port${j + 1}${i + 1}"), circuit.dst
    }
  }
}

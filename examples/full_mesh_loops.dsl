// The topology of full_mesh.dsl, written with loops.
type FullMesh {
  id = "FullMesh_Dispersed"
  description = "Full mesh over five sites"

  def sites = ["AMS", "MIL", "LJU", "BRA", "PRA"]
  def n = sites.size()
  def circuit = 0

  (1..n).each { i ->
    host {
      id = "h${i}"
      location = sites[i - 1]
      imageId = "Ubuntu-14.04.qcow2"
      flavorId = "c2r4h20"
      (1..n).each { j -> if (j != i) port { id = "port${i}${j}" } }
    }
  }
  for (i in 1..<n) {
    for (j in (i + 1)..n) {
      circuit += 1
      def l = link { id = "l${circuit}"; port { id = "src" }; port { id = "dst" } }
      adjacency "h${i}.port${i}${j}", l.src
      adjacency "h${j}.port${j}${i}", l.dst
    }
  }
}

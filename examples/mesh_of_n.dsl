// A full mesh of any size: `gtsdsl compile mesh_of_n.dsl --set n=20 --set 'sites=["AMS", "MIL"]'`
type Mesh(int n = 5, List sites = ["AMS", "MIL", "LJU", "BRA", "PRA"]) {
  description = "Full mesh of ${n} hosts over ${sites.join(", ")}"

  def hosts = (0..<n).collect { i ->
    host {
      id = "h${i}"
      location = sites[i % sites.size()]
      (0..<n).each { j -> if (j != i) port { id = "p${j}" } }
    }
  }
  for (i in 0..<n) {
    for (j in (i + 1)..<n) {
      def l = link { id = "l${i}_${j}"; port { id = "src" }; port { id = "dst" } }
      adjacency hosts[i].port("p${j}"), l.src
      adjacency hosts[j].port("p${i}"), l.dst
    }
  }
}

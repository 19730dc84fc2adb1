// The study's star: a streaming server in Bratislava, and a host with clients at each other site, over circuits of
// 100 Mbit/s, at which the study's server was full.
type Star(List sites = ["AMS", "MIL", "LJU", "PRA"]) {
  description = "A streaming server and its clients"

  host {
    id = "server"
    location = "BRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c4r8h40"
    sites.eachWithIndex { site, i -> port { id = "client${i + 1}" } }
  }
  sites.eachWithIndex { site, i ->
    def client = host {
      id = "client${i + 1}"
      location = site
      imageId = "Ubuntu-14.04.qcow2"
      flavorId = "c2r4h20"
      port { id = "server" }
    }
    def circuit = link {
      id = "l${i + 1}"
      bandwidth = 100
      port { id = "src" }
      port { id = "dst" }
    }
    adjacency "server.client${i + 1}", circuit.src
    adjacency client.server, circuit.dst
  }
}

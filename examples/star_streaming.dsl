// The streaming experiment: a star of one server in Bratislava and its clients. Most clients are in Amsterdam,
// as in the study of 2016, which counted how many of them the server could serve over BRA-AMS.
type StreamingStar(clients = ["AMS", "AMS", "AMS", "AMS", "MIL", "LJU", "PRA"]) {
  description = "A streaming server and its clients"

  host {
    id = "server"
    location = "BRA"
    imageId = "Ubuntu-14.04.qcow2"
    flavorId = "c4r8h40"
    clients.eachWithIndex { site, i -> port { id = "client${i + 1}" } }
  }
  clients.eachWithIndex { site, i ->
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

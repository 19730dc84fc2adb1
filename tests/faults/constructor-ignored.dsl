Lab {
  Integer nVM
  def Lab(nVM = 2) { this.nVM = nVM; build() }
  def build() { (1..nVM).each { host { id = "h${it}"; location = "AMS"; port { id = "p" } } } }
}

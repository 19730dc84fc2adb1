Nothing {
  id = "nothing"
}

extension Html {
  /// A section that folds. One that is closed is not printed; a link to its `id` opens it.
  /// - Parameter hint: a few words beside the title, for who does not open it.
  static func part(_ id: String, _ title: String, hint: String = "", isOpen: Bool, _ body: Html) -> Html {
    let words: Html? = hint.isEmpty ? nil : "<span class=\"hint\">\(hint)</span>"
    return """
      <details class="part"\(isOpen ? " open" : "" as Html)><summary><h2>\(title)</h2>\(words)</summary><div id="\(id)">
      \(body)</div></details>

      """
  }

  /// From red, 0, over yellow to green, 120, by a share.
  static func hue(_ share: Double) -> Int { share.isFinite ? Int((min(max(share, 0), 1) * 120).rounded()) : 0 }

  /// A definition list.
  static func facts(_ facts: [(name: String, value: Html)]) -> Html {
    "<dl>\(facts.map { "<dt>\($0.name)</dt><dd>\($0.value)</dd>" as Html })</dl>"
  }
}

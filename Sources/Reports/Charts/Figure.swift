extension Html {
  /// A chart with its numbers as a table behind a summary that opens without a script.
  static func figure(_ title: String, note: String = "", chart: Html, legend: [Chart.Key], table: Html) -> Html {
    let keys = legend.count < 2 ? [] : legend.map { "<li class=\"\($0.cssClass)\"><i></i>\($0.name)</li>" as Html }
    return """
      <figure class="card"><figcaption><h3>\(title)</h3>\(note.isEmpty ? nil : "<p>\(note)</p>" as Html)\
      \(keys.isEmpty ? nil : "<ul class=\"legend\">\(keys)</ul>" as Html)</figcaption>
      \(chart)
      <details><summary>Numbers</summary>\(table)</details></figure>

      """
  }
}

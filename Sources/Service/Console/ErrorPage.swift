import DitherProto
import DitherReports

/// A page that a browser is shown in place of one that is not there, or that failed.
struct ErrorPage {
  var error: CallError

  var bytes: [UInt8] { Array(html.source.utf8) }

  private var html: Html {
    ConsolePage.html(
      "Dither: \(title.lowercased())",
      """
      <h1>\(title)</h1>
      <p role="alert">\(error.message)</p>
      <p><code>\(error.code.description)</code></p>
      """)
  }

  private var title: String {
    switch error.code {
    case .notFound: "Not found"
    case .permissionDenied: "Not for this token"
    case .resourceExhausted, .unavailable: "Not now"
    default: "It failed"
    }
  }
}

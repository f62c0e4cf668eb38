extension Html {
  /// A whole page that needs nothing else: no request, and no script but one of ours, which it does without as well.
  static func document(_ title: String, head: Html = "", body: Html, script: PageScript? = nil) -> Html {
    let allowed: Html? = script.map { "; script-src '\(Html(stringLiteral: $0.source))'" }
    let code: Html? = script.map { "<script>\(Html(stringLiteral: $0.text))</script>\n" }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:\(allowed)">
      <meta name="generator" content="dither">\(head)<title>\(title)</title>
      <style>\(style)</style></head><body><main>
      \(body)
      </main>\(code)</body></html>

      """
  }
}

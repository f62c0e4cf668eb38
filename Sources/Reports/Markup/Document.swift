extension Html {
  /// A whole page that needs nothing else: no script, no request.
  static func document(_ title: String, head: Html = "", body: Html) -> Html {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
    <meta name="generator" content="dither">\(head)<title>\(title)</title>
    <style>\(style)</style></head><body><main>
    \(body)
    </main></body></html>

    """
  }
}

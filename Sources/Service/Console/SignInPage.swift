import DitherReports

/// Where a browser gives its token.
struct SignInPage {
  /// The last token was not known.
  var isRefused: Bool

  var html: Html {
    let refusal: Html? = isRefused ? "<p role=\"alert\">This token is not known.</p>" : nil
    return ConsolePage.html(
      "Dither: sign in",
      """
      <h1>Dither</h1>
      \(refusal)
      <form method="post" action="\(Console.signIn)">
      <p><label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required></p>
      <p><button type="submit">Sign in</button> <code>dither tokens create --name NAME --role audit</code> makes one.</p>
      </form>
      """)
  }
}

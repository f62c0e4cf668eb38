import DitherBasics
import DitherRobustness
import Foundation

/// A page holds the data that it shows: the JSON form, packed with gzip and as base64, in an element that no browser
/// draws. Whoever has the page can compare it with another.
extension Page {
  private static let opening = "<template data-dither-report=\"gzip\">", closing = "</template>"
  /// Characters of the packed form, at most: a page that would be larger goes without.
  private static let mostPacked = 600_000
  /// Bytes that it may unfold to.
  private static let mostUnfolded = 256 << 20

  /// nil where it is too large.
  var packed: Html? {
    guard let json = try? report.json(), let bytes = Deflate.gzip([UInt8](json), level: 9) else { return nil }
    let text = Data(bytes).base64EncodedString()
    guard text.utf8.count <= Self.mostPacked else { return nil }
    return Html(stringLiteral: "\(Self.opening)\(text)\(Self.closing)\n")
  }

  /// The JSON form in a page.
  /// - Throws: when there is none, or it is none of ours.
  fileprivate static func unpacked(_ page: String) throws(RobustnessError) -> Data {
    func refuse(_ got: String) -> RobustnessError {
      RobustnessError(
        .data, at: "report", expected: "a page that holds its report's data", got: got,
        advice: "give the JSON form: `dither audits report ID --json > FILE`, or `dither audit … --json > FILE`")
    }
    guard let start = page.range(of: opening, options: .backwards),
      let end = page.range(of: closing, range: start.upperBound..<page.endIndex)
    else { throw refuse("a page without it") }
    guard let bytes = Data(base64Encoded: String(page[start.upperBound..<end.lowerBound])) else {
      throw refuse("text that is no base64")
    }
    do {
      return Data(try Deflate.inflated([UInt8](bytes), limit: mostUnfolded))
    } catch {
      throw refuse("data that do not unfold")
    }
  }
}

extension Report {
  /// The report that a page was made of.
  /// - Throws: when the page holds none: it was too large, or made before pages did.
  public init(html page: String) throws { self = try Report(json: Page.unpacked(page)) }
}

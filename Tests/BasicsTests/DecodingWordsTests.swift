import DitherBasics
import Foundation
import Testing

@Suite("What cannot be decoded, in words") struct DecodingWordsTests {
  private struct Part: Decodable { var low: [Double] }
  private struct Whole: Decodable {
    var parts: [Part]
    var count: Int?
  }

  @Test(
    "the key and its path",
    arguments: [
      (#"{"parts": [{"low": [1]}, {}]}"#, "no 'low' at 'parts.1'"), ("{}", "no 'parts'"),
      (#"{"parts": [{"low": [1, "a"]}]}"#, "another type at 'parts.0.low.1'"),
      (#"{"parts": [{"low": null}]}"#, "another type at 'parts.0.low'"), ("[]", "another type"), ("{", "no JSON"),
      (#"{"parts": [], "count": 1.5}"#, "a number that cannot be"), (#"{"parts": [{"low": [1e400]}]}"#, "a number"),
    ])
  func words(_ json: String, _ words: String) {
    let error = #expect(throws: DecodingError.self) { try JSONDecoder().decode(Whole.self, from: Data(json.utf8)) }
    let found = error?.words ?? ""
    #expect(found.contains(words) && !found.contains("DecodingError") && !found.contains("Context"), "\(found)")
  }

  private struct Known: Decodable {
    init(from decoder: any Decoder) throws { try decoder.requireKeys(of: "file", among: ["low", "high"]) }
  }

  @Test("keys that say nothing are refused with the nearest, and where they are")
  func unknown() throws {
    _ = try JSONDecoder().decode([Known].self, from: Data(#"[{"low": 1}, {}]"#.utf8))
    let error = #expect(throws: CatalogError.self) {
      try JSONDecoder().decode([Known].self, from: Data(#"[{}, {"lov": 1}]"#.utf8))
    }
    #expect(error?.description == "file.1: expected one of high, low, got 'lov'; did you mean 'low'?")
  }

  private struct Placed: Decodable {
    let place: String
    init(from decoder: any Decoder) { place = decoder.place(in: "file") }
  }

  @Test("a value knows where it is")
  func place() throws {
    let found = try JSONDecoder().decode([String: [Placed]].self, from: Data(#"{"low": [1, {}]}"#.utf8))
    #expect(found["low"]?.map(\.place) == ["file.low.0", "file.low.1"])
  }

  @Test("the median is NumPy's")
  func median() {
    #expect([3.0, 1, 2].median == 2 && [4.0, 1, 3, 2].median == 2.5 && [Double]().median == nil)
    #expect([1, .infinity].median == .infinity && [Double.infinity, .infinity, 1].median == .infinity)
    #expect([Float(2), 1].median == 1.5)
  }
}

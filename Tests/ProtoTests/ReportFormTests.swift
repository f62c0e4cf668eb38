import DitherBasics
import DitherProto
import Foundation
import Testing

@Suite("Signed reports") struct ReportFormTests {
  private static let json = Array(
    #"{"checks":[],"digest":"sha256:00","format":"dither.report/2","n":2,"probes":[{"probe":"clean","n":2}],"seed":18446744073709551615}"#
      .utf8)
  private static let key = Ed25519.PrivateKey()

  private static func body(_ form: ReportForm) throws -> [UInt8] {
    switch form {
    case .json: json
    case .html: Array("<!doctype html>\n<html><body>é</body></html>\n".utf8)
    case .protobuf: try Dither_V1_AuditReport(json: json).ordered()
    }
  }

  @Test("what is signed is found again, with its signer; the same each time", arguments: ReportForm.allCases)
  func roundTrip(_ form: ReportForm) throws {
    let body = try Self.body(form), signed = form.signed(body, by: Self.key)
    #expect(ReportForm(of: signed) == form && signed == form.signed(body, by: Self.key))
    let (found, signer) = try #require(try form.opened(signed))
    #expect(found == body && signer == Self.key.publicKey)
    #expect(try form.opened(body) == nil)
  }

  @Test("no bit can be changed, no byte left out or added", arguments: ReportForm.allCases)
  func tampering(_ form: ReportForm) throws {
    let signed = form.signed(try Self.body(form), by: Self.key)
    func isTaken(_ report: [UInt8]) -> Bool {
      guard let opened = try? form.opened(report) else { return false }
      return opened.signer == Self.key.publicKey
    }
    for at in signed.indices {
      var other = signed
      other[at] ^= UInt8(1 << (at % 8))
      #expect(!isTaken(other), "bit \(at % 8) of byte \(at)")
      other.remove(at: at)
      #expect(!isTaken(other), "without byte \(at)")
      other.insert(contentsOf: [signed[at], 0x41], at: at)
      #expect(!isTaken(other), "a byte more behind \(at)")
    }
  }

  @Test("a line's end behind JSON is a shell's, not a forger's")
  func lineEnd() throws {
    let signed = ReportForm.json.signed(Self.json, by: Self.key)
    #expect(try ReportForm.json.opened(signed + [0x0A])?.signer == Self.key.publicKey)
    #expect(throws: ReportError.self) { try ReportForm.json.opened(signed + [0x7D]) }
  }

  @Test("a form does not pass for another, nor one report's signature for another's")
  func crossing() throws {
    let html = String(decoding: ReportForm.html.signed(Self.json, by: Self.key), as: UTF8.self)
    let words = html.split(separator: " ").map(String.init)
    let value = try #require(words.dropLast().last), publicKey = Self.key.publicKey.base64
    let forged =
      String(decoding: Self.json.dropLast(), as: UTF8.self)
      + #","signature":{"algorithm":"ed25519","public_key":"\#(publicKey)","value":"\#(value)"}}"#
    #expect { _ = try ReportForm.json.opened(Array(forged.utf8)) } throws: {
      ($0 as? ReportError)?.code == .forged
    }
  }

  @Test("bytes that are no report are refused, whatever they are")
  func hostile() {
    #expect(throws: ReportError.self) { try ReportForm.protobuf.opened([0x0F]) }
    #expect(throws: ReportError.self) { try ReportForm.protobuf.opened([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) }
    #expect(throws: ReportError.self) { try ReportForm.protobuf.opened([UInt8](repeating: 0xFF, count: 11)) }
    #expect(throws: ReportError.self) { try ReportForm.protobuf.opened([0xA2, 0x06, 0x00]) }
    #expect(throws: ReportError.self) {
      try ReportForm.json.opened(Array(#"{"a":1,"signature":{"algorithm":"ed25519"}}"#.utf8))
    }
    #expect(throws: ReportError.self) { try ReportForm.html.opened(Array("<!-- dither-signature ed25519 ".utf8)) }
    #expect(throws: ReportError.self) { try Dither_V1_AuditReport(json: Array("{\"no_such_field\":1}".utf8)) }
  }

  @Test(
    "a report of the earlier format is verified and read for what it is about, and has no protobuf form of this one")
  func earlier() throws {
    let text = #"{"comparison":{"baseline":"b"},"digest":"sha256:00","format":"dither.report/1","n":2,"seed":3}"#
    let signed = ReportForm.json.signed(Array(text.utf8), by: Self.key)
    #expect(try ReportForm.json.opened(signed)?.body == Array(text.utf8))
    let read = try Dither_V1_AuditReport(json: signed)
    #expect(read.digest == "sha256:00" && read.seed == 3 && read.comparisons.isEmpty)
    #expect { _ = try ReportForm.protobuf(of: signed, signedBy: Self.key) } throws: {
      ($0 as? ReportError)?.got == "'dither.report/1'"
    }
    let present = text.replacing("report/1", with: "report/2")
    #expect(throws: ReportError.self) { try Dither_V1_AuditReport(json: Array(present.utf8)) }
  }

  @Test("the protobuf form of a signed JSON form is signed for itself")
  func protobufOfJson() throws {
    let signed = ReportForm.json.signed(Self.json, by: Self.key)
    let protobuf = try ReportForm.protobuf(of: signed, signedBy: Self.key)
    let opened = try #require(try ReportForm.protobuf.opened(protobuf))
    #expect(opened.body == (try Self.body(.protobuf)))
    let report = try Dither_V1_AuditReport(protobuf: protobuf)
    #expect(report.seed == .max && report.signature.publicKey == Self.key.publicKey.base64)
  }
}

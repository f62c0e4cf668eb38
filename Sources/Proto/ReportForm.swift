import DitherBasics
import Foundation
import SwiftProtobuf

/// The forms in which a report travels, and how each carries its signature: docs/audit.md, "Signatures".
///
/// What is signed is the form without its signature, in DSSE's pre-authentication encoding, so that no form passes for
/// another.
public enum ReportForm: String, Sendable, CaseIterable {
  case json, html, protobuf

  /// By its first byte.
  public init(of report: [UInt8]) {
    switch report.first(where: { !Self.isSpace($0) }) {
    case UInt8(ascii: "{"): self = .json
    case UInt8(ascii: "<"): self = .html
    default: self = .protobuf
    }
  }

  /// DSSE's payload type.
  public var mediaType: String { "application/vnd.dither.report+\(rawValue)" }

  /// A report with its signature.
  /// - Parameter body: of this form, without one.
  public func signed(_ body: [UInt8], by key: Ed25519.PrivateKey) -> [UInt8] {
    let seal = Seal(key: key.publicKey, signature: key.sign(encoded(body)))
    switch self {
    case .json: return body.dropLast() + Array(seal.json.utf8) + body.suffix(1)
    case .html: return body + Array(seal.html.utf8)
    case .protobuf: return body + seal.protobuf
    }
  }

  /// The signed protobuf form of a report in its JSON form, signed or not.
  /// - Throws: when it is of an earlier format, whose fields this one has not.
  public static func protobuf(of json: [UInt8], signedBy key: Ed25519.PrivateKey) throws(ReportError) -> [UInt8] {
    var report = try Dither_V1_AuditReport(json: json)
    guard report.format != Dither_V1_AuditReport.earlierFormat else {
      throw ReportError(
        .malformed, at: "report", expected: "a report of the present format", got: "'\(report.format)'",
        advice: "its JSON and HTML forms are as they were; make the audit anew for this one")
    }
    report.clearSignature()
    return protobuf.signed(try report.ordered(), by: key)
  }

  /// - Returns: the report without its signature, and who signed it; nil for one that is not signed.
  /// - Throws: when the signature is not of the report's bytes, or is written in another way than ours.
  public func opened(_ report: [UInt8]) throws(ReportError) -> (body: [UInt8], signer: Ed25519.PublicKey)? {
    guard let (body, seal) = try taken(report) else { return nil }
    guard seal.key.hasSigned(encoded(body), seal.signature) else {
      throw ReportError(
        .forged, at: "report", expected: "the bytes that \(seal.key) has signed", got: "others",
        advice: "it was changed after it was signed: get it again from who made it")
    }
    return (body, seal.key)
  }

  /// DSSE v1's PAE(type, body).
  func encoded(_ body: [UInt8]) -> [UInt8] {
    Array("DSSEv1 \(mediaType.utf8.count) \(mediaType) \(body.count) ".utf8) + body
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

  private func taken(_ report: [UInt8]) throws(ReportError) -> (body: [UInt8], seal: Seal)? {
    switch self {
    case .json:
      // A shell's `>` ends a line.
      let text = report[..<((report.lastIndex { !Self.isSpace($0) } ?? -1) + 1)]
      guard let at = text.lastStart(of: Seal.jsonStart) else { return nil }
      return (report[..<at] + [UInt8(ascii: "}")], try seal(text[at...]) { $0.json + "}" })
    case .html:
      guard let at = report[...].lastStart(of: Seal.htmlStart) else { return nil }
      return (Array(report[..<at]), try seal(report[at...]) { $0.html })
    case .protobuf:
      guard let at = try Seal.protobufStart(report) else { return nil }
      let tail = Array(report[at...])
      guard let message = try? Dither_V1_AuditReport(serializedBytes: tail).signature, let seal = Seal(message),
        seal.protobuf == tail
      else { throw Self.unreadable }
      return (Array(report[..<at]), seal)
    }
  }

  /// The two base64 words of a signature, taken only if written as we write it.
  private func seal(_ bytes: ArraySlice<UInt8>, _ written: (Seal) -> String) throws(ReportError) -> Seal {
    let words = String(decoding: bytes, as: UTF8.self).split {
      !($0.isASCII && ($0.isLetter || $0.isNumber || "+/=".contains($0)))
    }.map(String.init)
    for (at, word) in words.enumerated() where word.utf8.count == 44 {
      guard let key = Ed25519.PublicKey(base64: word),
        let signature = words[(at + 1)...].lazy.compactMap({ Data(base64Encoded: $0) }).first(where: { $0.count == 64 })
      else { continue }
      let seal = Seal(key: key, signature: [UInt8](signature))
      if Array(written(seal).utf8) == Array(bytes) { return seal }
    }
    throw Self.unreadable
  }

  private static var unreadable: ReportError {
    ReportError(.malformed, at: "signature", expected: "one as docs/audit.md describes it", got: "another text")
  }
}

private struct Seal {
  static let jsonStart = #","signature":{"algorithm":"ed25519""#
  static let htmlStart = "<!-- dither-signature ed25519 "
  static let field = 100

  var key: Ed25519.PublicKey
  var signature: [UInt8]

  private var value: String { Data(signature).base64EncodedString() }

  var json: String { #"\#(Self.jsonStart),"public_key":"\#(key.base64)","value":"\#(value)"}"# }
  var html: String { "\(Self.htmlStart)\(key.base64) \(value) -->\n" }
  var protobuf: [UInt8] {
    var report = Dither_V1_AuditReport()
    report.signature.algorithm = "ed25519"
    report.signature.publicKey = key.base64
    report.signature.value = value
    // Three short strings: there is nothing that could fail.
    return (try? report.serializedBytes()) ?? []
  }

  init(key: Ed25519.PublicKey, signature: [UInt8]) {
    self.key = key
    self.signature = signature
  }

  init?(_ message: Dither_V1_ReportSignature) {
    guard message.algorithm == "ed25519", let key = Ed25519.PublicKey(base64: message.publicKey),
      let signature = Data(base64Encoded: message.value), signature.count == 64
    else { return nil }
    self.init(key: key, signature: [UInt8](signature))
  }

  /// Where the field of the signature starts; nil where there is none.
  static func protobufStart(_ report: [UInt8]) throws(ReportError) -> Int? {
    let malformed = ReportError(
      .malformed, at: "report", expected: "a report as JSON, HTML or dither.v1.AuditReport", got: "other bytes")
    var at = 0
    func varint() throws(ReportError) -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: 0 as UInt64, to: 64, by: 7) {
        guard at < report.count else { throw malformed }
        let byte = report[at]
        at += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
      }
      throw malformed
    }
    while at < report.count {
      let start = at, tag = try varint()
      if tag >> 3 == UInt64(field) { return start }
      let skipped: UInt64
      switch tag & 7 {
      case 0:
        _ = try varint()
        skipped = 0
      case 1: skipped = 8
      case 2: skipped = try varint()
      case 5: skipped = 4
      default: throw malformed
      }
      guard skipped <= UInt64(report.count - at) else { throw malformed }
      at += Int(skipped)
    }
    return nil
  }
}

extension ArraySlice<UInt8> {
  /// Where the last occurrence of a text starts.
  fileprivate func lastStart(of text: String) -> Int? {
    let wanted = Array(text.utf8)
    guard count >= wanted.count else { return nil }
    return (startIndex...endIndex - wanted.count).last { self[$0] == wanted[0] && self[$0...].starts(with: wanted) }
  }
}

/// Faults of a report's file.
public enum ReportFault: FaultCode {
  case malformed, forged
  /// A forged report is damaged data; anything else is the caller's mistake.
  public var category: FaultCategory { self == .forged ? .dataLoss : .invalidArgument }
}
/// An error of a report's file.
public typealias ReportError = Fault<ReportFault>

extension Dither_V1_AuditReport {
  /// The format whose comparisons had fields of other names.
  static let earlierFormat = "dither.report/1"

  /// The protobuf form of a report; its JSON form has the same names.
  ///
  /// One of the earlier format is read for what it is about: fields that have other names now are left out.
  /// - Throws: when it is no report, or has fields that none of its format has.
  public init(json: [UInt8]) throws(ReportError) {
    do {
      do {
        try self.init(jsonUTF8Bytes: json)
      } catch let error as JSONDecodingError {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        try self.init(jsonUTF8Bytes: json, options: options)
        guard format == Self.earlierFormat else { throw error }
      }
    } catch {
      var got = "JSON of another form"
      if case .unknownField(let name)? = error as? JSONDecodingError { got = "the unknown field '\(name.clipped())'" }
      throw ReportError(.malformed, at: "report", expected: "the JSON form of a report", got: got)
    }
  }

  /// - Throws: when the bytes are no report.
  public init(protobuf: [UInt8]) throws(ReportError) {
    do {
      try self.init(serializedBytes: protobuf)
    } catch {
      throw ReportError(.malformed, at: "report", expected: "a dither.v1.AuditReport", got: "other bytes")
    }
  }

  /// The same fields, the same bytes.
  public func ordered() throws(ReportError) -> [UInt8] {
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    do {
      return try serializedBytes(options: options)
    } catch {
      throw ReportError(.malformed, at: "report", expected: "fields that can be written", got: "\(error)")
    }
  }
}

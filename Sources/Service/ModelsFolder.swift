import DitherBasics
import DitherReports
import DitherStore
import Foundation
import Logging

/// The folder of models that a server starts with: each `NAME.onnx` is published under its name, with `NAME.card.md`,
/// else `NAME.card.json`, as its card, and the signatures in `NAME.sig`. A file that was published and has not changed
/// since costs one look at its size and time.
struct ModelsFolder: Sendable {
  var path: String
  var registry: ModelRegistry
  var limits: ServerConfiguration.Limits
  var log: Logger

  /// A file that cannot be served is logged and left out: the others serve.
  /// - Throws: `ServiceFault.configuration` where there is no such folder.
  func publish() async throws {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw ServiceError(
        .configuration, at: "models folder \(path)", expected: "a folder of ONNX files",
        got: isThere ? "a file, or a folder that may not be read" : "no such folder",
        advice: "name another with --models")
    }
    let files = names.filter { $0.hasSuffix(".onnx") }.sorted()
    for file in files {
      do {
        try await publish(file)
      } catch {
        log.error("a model of the models folder is not served", metadata: ["file": "\(file)", "reason": "\(error)"])
      }
    }
  }

  /// Size, and when it was last changed.
  private static func look(_ path: String) throws -> (size: Int, time: Double) {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    let time = attributes[.modificationDate] as? Date ?? .distantPast
    return (attributes[.size] as? Int ?? 0, time.timeIntervalSince1970)
  }

  private func publish(_ file: String) async throws {
    let name = String(file.dropLast(".onnx".count)), place = path + "/" + file
    let (size, time) = try Self.look(place)
    let cards = ["md", "json"].map { "\(path)/\(name).card.\($0)" }
    let cardPlace = cards.first { FileManager.default.fileExists(atPath: $0) }
    let cardLook = cardPlace.flatMap { try? Self.look($0) }
    let signaturePlace = "\(path)/\(name).sig", signatureLook = try? Self.look(signaturePlace)
    // A file that was refused for want of a signature is looked at again: its stamp was not kept.
    let stamp =
      "\(size) \(time)" + (cardLook.map { " \($0.size) \($0.time)" } ?? "")
      + (signatureLook.map { " signed \($0.size) \($0.time)" } ?? "")
    if try await registry.store.models.importStamp(place) == stamp { return }
    guard size <= limits.uploadBytes else {
      throw ServiceError(.badModel, at: file, expected: "at most \(limits.uploadBytes) bytes", got: "\(size)")
    }
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: place)))
    let checked = try CheckedModel(onnx: bytes)
    if let cardLook, cardLook.size > limits.cardBytes {
      throw ServiceError(
        .badModel, at: cardPlace ?? file, expected: "at most \(limits.cardBytes) bytes", got: "\(cardLook.size)")
    }
    var card = cardPlace.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? ""
    if let cardPlace, cardPlace.hasSuffix(".md") { card = try ModelCard(markdown: card, at: cardPlace).json }
    try UploadRules.check(card: card, limits)
    let blob = BlobID(Sha256.hash(bytes)), blobs = registry.store.blobs
    var signatures: [FileSignature] = []
    if let signatureLook {
      guard signatureLook.size <= limits.cardBytes else {
        throw ServiceError(
          .badModel, at: signaturePlace, expected: "at most \(limits.cardBytes) bytes", got: "\(signatureLook.size)")
      }
      signatures = try FileSignature.lines(try String(contentsOfFile: signaturePlace, encoding: .utf8))
      try UploadRules.check(signatures, of: blob)
    }
    let published = try await registry.publish(
      checked, blob: blob, name: name, card: card, PublicationTerms(signatures: signatures), by: "models folder"
    ) { try await blobs.insert(bytes) }
    try await registry.store.models.setImportStamp(place, stamp)
    for warning in checked.warnings { log.warning("\(warning)", metadata: ["file": "\(file)"]) }
    log.info("published", metadata: ["model": "\(published.version.reference)", "digest": "\(blob)"])
  }
}

/// Checks of an upload beside those of its file.
enum UploadRules {
  /// - Throws: for a signature that is not its key's over this file.
  static func check(_ signatures: [FileSignature], of file: BlobID) throws {
    try FileSignature.check(count: signatures.count)
    if let wrong = signatures.first(where: { !$0.holds(for: file) }) {
      throw ServiceError(
        .badField, at: "signature", expected: "one by \(wrong.key) over \(file)", got: "another",
        advice: "sign this very file: dither models sign")
    }
  }

  static func check(card: String, _ limits: ServerConfiguration.Limits) throws(ServiceError) {
    guard card.utf8.count <= limits.cardBytes else {
      throw ServiceError(
        .badField, at: "card_json", expected: "at most \(limits.cardBytes) bytes", got: "\(card.utf8.count)")
    }
    guard card.isEmpty || (try? JSONSerialization.jsonObject(with: Data(card.utf8))) is [String: Any] else {
      throw ServiceError(.badField, at: "card_json", expected: "a JSON object", got: "'\(card.clipped(to: 60))'")
    }
  }
}

import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import DitherService
import DitherStore
import Foundation

extension ModelsCommand {
  /// `dither models download`: a version's file, as it was uploaded.
  struct Download: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetch the file of a version, and check it against its digest.",
      discussion: "Takes a token of the role publish. Example: dither models download shoes:best --out shoes.onnx")
    @Argument(help: "name, name@version, name:alias or sha256:….")
    var model: String
    @Option(help: "Where to write it; a file that is there is replaced. (default: NAME.onnx)")
    var out: String?
    @Option(help: "File of public keys, one of which must have signed it: PEM, or lines 'ed25519:BASE64'.")
    var keyring: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let keyring: Keyring? = if let keyring { try Keyring(path: keyring) } else { nil }
      let (found, file) = try await server.withClient { client in
        try await client.download(model) { came in
          if Console.isTerminal { Console.write("\r\u{1B}[K\(byteText(came)) have come") }
        }
      }
      if Console.isTerminal { Console.write("\n") }
      let digest = Sha256.hash(file).description
      guard digest == found.digest else {
        throw CommandFailure(
          status: .checkFailed,
          message: "\(found.name)@\(found.version) is \(found.digest); what came is \(digest)")
      }
      if let keyring {
        let signatures = found.signedBy.compactMap { try? FileSignature($0.signature) }
        guard keyring.trusts(try BlobID(digest), signatures) else {
          throw CommandFailure(
            status: .checkFailed,
            message: "\(found.name)@\(found.version): none of \(self.keyring ?? "the keyring") has signed \(digest)")
        }
      }
      // A server's word is no path.
      if out == nil { try ModelReference.check(name: found.name, "model") }
      let path = out ?? "\(found.name).onnx"
      try OutputFile.write(file, to: path)
      if json { return try Json.print(Answer(file: path, model: ModelDescription(found))) }
      print("\(path): \(found.name)@\(found.version), \(byteText(file.count)), \(digest)")
    }

    private struct Answer: Encodable {
      var file: String
      var model: ModelDescription
    }
  }
}

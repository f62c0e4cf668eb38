import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import DitherStore
import Foundation

extension ModelsCommand {
  /// `dither models sign`: a signature over a file's digest, kept with a version or in a file.
  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign a version's file by Ed25519, over its digest.",
      discussion: """
        With --file the version must have that very file; without it, what the server says of its digest is signed. With --out \
        the signature goes into a file and no server is asked: for 'dither upload --signature' and, as NAME.sig beside \
        NAME.onnx, for the models folder.

        Example: dither models sign shoes@2 --sign-key key.pem --file model.onnx
        Example: dither models sign --sign-key key.pem --file model.onnx --out model.sig
        """)
    @Argument(help: "name, name@version or name:alias; with --out none.")
    var model: String?
    @Option(help: "PEM file of the private key: openssl genpkey -algorithm ed25519 -out key.pem")
    var signKey: String
    @Option(help: "The ONNX file that is meant.")
    var file: String?
    @Option(help: "Write the signature to this file; those that it has stay.")
    var out: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
      guard (model == nil) != (out == nil) else { throw ValidationError("name a version, or give --file and --out") }
      if out != nil, file == nil { throw ValidationError("--out signs a file: give --file too") }
    }

    func run() async throws {
      let key = try SigningKey(signKey), digest = try file.map(ModelFile.digest)
      if let out, let digest {
        let signature = try key.signature(of: digest)
        try write(signature, of: BlobID(digest), to: out)
        if json { return try Json.print(Answer(digest: digest, key: signature.key.base64, model: nil)) }
        return print("\(out): \(signature.key) signs \(digest)")
      }
      guard let model else { return }
      let (found, signature) = try await server.withClient { client in
        let found = try await client.model(model), reference = "\(found.name)@\(found.version)"
        if let digest, digest != found.digest {
          throw CommandFailure(
            status: .checkFailed, message: "\(reference) is \(found.digest); \(file ?? "the file") is \(digest)")
        }
        let signature = try key.signature(of: found.digest)
        return (try await client.sign(reference, .init(signature)), signature)
      }
      if json {
        return try Json.print(
          Answer(digest: found.digest, key: signature.key.base64, model: ModelDescription(found)))
      }
      print("\(signature.key) signs \(found.name)@\(found.version), \(found.digest)")
    }

    /// Lines of other keys stay; one of this key is replaced.
    private func write(_ signature: FileSignature, of file: BlobID, to path: String) throws {
      var lines: [FileSignature] = []
      if FileManager.default.fileExists(atPath: path) {
        let text = String(decoding: try FileArray.read(path), as: UTF8.self)
        lines = try ReadFile.naming(path) { try FileSignature.lines(text) }
          .filter { $0.key != signature.key && $0.holds(for: file) }
      }
      try OutputFile.write((lines + [signature]).map { "\($0)\n" }.joined().utf8, to: path)
    }

    private struct Answer: Encodable {
      var digest: String
      var key: String
      var model: ModelDescription?
    }
  }
}

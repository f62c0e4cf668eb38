import ArgumentParser
import DitherBasics
import DitherClient
import DitherDatasets
import DitherProto
import DitherRobustness
import DitherTensor
import Foundation

/// `dither corrupt`: inputs as an audit corrupts them.
struct CorruptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corrupt",
    abstract: "Write inputs as an audit corrupts them.",
    discussion: """
      Works by itself, or with --served through a server, to the same bytes. With an audit's data and seed it gives the very \
      inputs that the audit judged.

      Example: dither corrupt fog:severity=3 --data mnist:100 --out foggy.npy
      Example: dither corrupt jpeg_compression:severity=5 --data photographs.npy --out worse.npy --served
      """)

  @Argument(help: "NAME:severity=N. Names: \(Catalog<any Corruption.Type>.corruptions.names.joined(separator: ", ")).")
  var corruption: String
  @Option(
    help:
      "\(DataHelp.reference), or an .npy file: [N, C, H, W] or [N, H, W]."
  )
  var data: String
  @Option(help: "Where to write them: .npy, in the shape and type of the inputs; of a data set, bytes.")
  var out: String
  @Option(help: "The same seed gives the same bytes.")
  var seed: UInt64 = 1
  @Flag(help: "Ask a server.")
  var served = false
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func run() async throws {
    let spec = try ProbeSpec(parsing: corruption)
    _ = try Catalog<any Corruption.Type>.corruptions.entry(named: spec.probe)
    guard let probe = try spec.resolved() as? any CorruptingProbe else {
      throw CommandError(.badOption, at: "corruption", expected: "the name of a corruption", got: "'\(spec.probe)'")
    }
    let inputs = try AuditExamples.inputs(data)
    let changed = served ? try await ask(spec, inputs) : try compute(probe, inputs)
    try OutputFile.write(changed.bytes, to: out)
    let count = inputs.tensor.rowCount
    if json {
      return try Json.print(Output(path: out, examples: count, corruption: spec.text, seed: seed))
    }
    print("\(out): \(count) examples, \(spec.text), seed \(seed)")
  }

  private struct Output: Encodable {
    var path: String, examples: Int, corruption: String, seed: UInt64
  }

  private func compute(_ probe: any CorruptingProbe, _ inputs: AuditInputs) throws -> Npy {
    let x = inputs.tensor
    if let at = x.elements.firstIndex(where: { !(0...1).contains($0) }) {
      throw CommandError(.shape, at: data, expected: "numbers from 0 to 1, or bytes", got: "\(x.elements[at])")
    }
    let changed = try probe.corrupted(x, identities: (0..<x.rowCount).map { UInt64(inputs.start + $0) }, seed: seed)
    return inputs.areBytes
      ? Npy(changed.shape, .uint8(changed.elements.map { UInt8(($0 * 255).rounded()) })) : Npy(changed)
  }

  private func ask(_ spec: ProbeSpec, _ inputs: AuditInputs) async throws -> Npy {
    let shape = inputs.tensor.shape
    return try await server.withClient(patience: nil) { client in
      var floats: [Float] = [], bytes: [UInt8] = [], first = inputs.start
      for part in inputs.messages() {
        var request = Dither_V1_CorruptRequest()
        request.inputs = part
        request.corruption = spec.probe
        request.parameters = spec.parameters
        request.seed = seed
        request.first = UInt64(first)
        let outputs = try await client.corrupt(request).outputs
        guard outputs.shape == part.shape, outputs.data.count == part.data.count else {
          throw CommandError(.shape, at: "the answer", expected: "\(part.shape)", got: "\(outputs.shape)")
        }
        if inputs.areBytes {
          bytes += outputs.data
        } else {
          floats += outputs.data.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
          }
        }
        first += Int(part.shape[0])
      }
      return Npy(shape, inputs.areBytes ? .uint8(bytes) : .float32(floats))
    }
  }
}

import ArgumentParser
import DitherBasics
import DitherGraph

/// `--noise`, in place of what a model's file or a served version has.
struct NoiseOptions: ParsableArguments {
  @Option(
    name: .customLong("noise"),
    help: ArgumentHelp(
      """
      Noise in place of the model's own, as weights:gaussian,sigma=0.03,scale=relative_to_layer; repeat. Sites: \
      \(Catalog<NoiseSite>.sites.entries.filter(\.isServed).map(\.name).joined(separator: ", ")); distributions: \
      \(Catalog<any Noise.Type>.noises.names.joined(separator: ", ")). The word dropout alone turns the file's own \
      Dropout nodes on.
      """, valueName: "spec"))
  var specs: [String] = []

  /// The file with this noise in its metadata; as it is where none was said.
  /// - Throws: where the words are no noise, or the file has no place for it.
  func laid(over file: [UInt8]) throws -> [UInt8] {
    guard !specs.isEmpty else { return file }
    let noise = try NoiseModel(parsing: specs, of: Graph(onnx: file))
    return try OnnxMetadata.setting(noise.json(), for: Graph.noiseKey, in: file)
  }

  /// - Parameter samples: draws that were asked for by name; nil: none were.
  /// - Throws: where there is nothing to draw from.
  static func check(samples: UInt32?, of model: String, hasNoise: Bool) throws(CommandError) {
    guard let samples, samples > 0, !hasNoise else { return }
    throw CommandError(
      .badOption, at: "--samples \(samples)", expected: "a model with noise",
      got: "'\(model.clipped())', which has none",
      advice:
        "say --noise, as weights:gaussian,sigma=0.03, give the file noise at upload, or let 'dither tune' choose it on data"
    )
  }
}

import ArgumentParser
import DitherBasics
import DitherRobustness
import Foundation

/// `dither tune`: noise for a model that brings none, chosen on data.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Choose a trained model's noise on labeled examples, and write it into the file.",
    discussion: """
      Candidates are fitted and judged by cross-validation; the one under which held-out examples are likeliest is \
      chosen, if they are likelier than without noise. The file that is written has the noise, the number of draws and \
      the record of the choice; a card is written beside it.

      Example: dither tune model.onnx --data mnist:5000-7000 --output tuned.onnx
      Example: dither tune model.onnx --data mnist:2000 --candidate sigma --candidate laplace:layers=last --json
      """)

  @Argument(help: "The ONNX file.")
  var file: String
  @OptionGroup var shape: ShapeOptions
  @OptionGroup var tuning: TuneOptions
  @Option(help: "The file to write, with NAME.card.json beside it. (default: none, only the table)")
  var output: String?
  @Option(help: "Draws of each answer, 2 to 4096; the model is served with as many.")
  var samples = 32
  @Option(help: "The same seed gives the same draws and folds.")
  var seed: UInt64 = 0
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard tuning.data != nil else { throw ValidationError("give --data REFERENCE") }
    guard output != file else { throw ValidationError("--output: another file than the model's own") }
  }

  func run() throws {
    let bytes = try ReadFile.naming(file) { try shape.laid(over: ModelFile.read(file)) }
    let tuned = try TunedFile(bytes, tuning, samples: samples, seed: seed)
    if let output {
      let card = Self.cardPath(of: output), source = try? FileArray.read(Self.cardPath(of: file))
      try OutputFile.write(tuned.bytes, to: output)
      try OutputFile.write(tuned.card(from: source.map { String(decoding: $0, as: UTF8.self) }).utf8, to: card)
    }
    if json {
      try Json.print(Answer(output: output, record: tuned.record))
    } else {
      tuned.show()
      if let output { print("wrote   \(output)") }
    }
  }

  /// Beside the file.
  static func cardPath(of file: String) -> String {
    URL(filePath: file).deletingPathExtension().appendingPathExtension("card.json").path
  }

  private struct Answer: Encodable {
    var output: String?
    var record: TuningRecord
  }
}

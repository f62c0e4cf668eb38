import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import Foundation

/// The words of a model of texts, as its file has them.
struct ModelWords {
  let vocabulary: Vocabulary

  /// - Parameters:
  ///   - path: of the ONNX file.
  ///   - digest: the served model's: words of another file would be other numbers.
  init(of path: String, digest: String) throws {
    let bytes: [UInt8]
    do { bytes = try ModelFile.read(path) } catch let error as GraphError {
      throw CommandError(
        .badOption, at: "--words \(path)", expected: "the file of the served model, \(digest)", got: "\(error)")
    }
    let own = Sha256.hash(bytes).description
    guard own == digest else {
      throw CommandError(
        .badOption, at: "--words \(path)", expected: "the file of the served model, \(digest)", got: own)
    }
    guard let text = try Graph(onnx: bytes).metadata[ModelSignature.vocabularyKey] else {
      throw CommandError(
        .badOption, at: "--words \(path)", expected: "a model of texts, with '\(ModelSignature.vocabularyKey)'",
        got: "one without words")
    }
    do { vocabulary = try JSONDecoder().decode(Vocabulary.self, from: Data(text.utf8)) } catch let error
      as DecodingError
    {
      throw CommandError(
        .malformed, at: "\(path), '\(ModelSignature.vocabularyKey)'", expected: "a length and a list of words",
        got: error.words)
    }
  }
}

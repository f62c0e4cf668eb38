import DitherBasics
import DitherGraph
import DitherTensor

/// A table of words, convolutions over runs of words, the largest value of each, and a dense layer. The ReLU stands
/// behind the largest values, which it leaves as they are: dropout on `activations` is dropout before the dense layer.
/// Source: Kim 2014, arXiv 1408.5882, "CNN-rand".
public struct TextCNN: Architecture {
  public static let name = "text_cnn"
  /// Numbers of a word.
  public var embedding = 128
  /// Words that the convolutions see at a time, one convolution each.
  public var widths = [3, 4, 5]
  /// Channels of each convolution.
  public var channels = 100
  /// Rows of the table; nil: as many as the data have numbers for words, or 1000 without data.
  public var vocabulary: Int?
  public init() {}
  public func check() throws(CatalogError) {
    try require(widths, "widths", atLeast: 1)
    try require((1...1 << 16).contains(channels), "channels", "1 to \(1 << 16)", channels)
    try require((1...1 << 16).contains(embedding), "embedding", "1 to \(1 << 16)", embedding)
    try require(vocabulary.map { (1...1 << 24).contains($0) } ?? true, "vocabulary", "1 to \(1 << 24)", vocabulary ?? 0)
  }

  public func fitted(to words: Int?) throws(TrainError) -> any Architecture {
    guard let words = words ?? vocabulary else {
      throw TrainError(
        .recipe, at: "model \(Self.name)", expected: "data of texts, as sst2 or ./FILE.txt are", got: "other data")
    }
    guard vocabulary.map({ $0 >= words }) ?? true else {
      throw TrainError(
        .recipe, at: "model \(Self.name), 'vocabulary'", expected: "at least the data's \(words)",
        got: "\(vocabulary ?? 0)",
        advice: "leave it out, or say fewer with the data: ?vocabulary=\(max((vocabulary ?? 3) - 2, 1))")
    }
    var fitted = self
    fitted.vocabulary = vocabulary ?? words
    return fitted
  }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    let longest = widths.max() ?? 1, words = vocabulary ?? 1000
    guard input.rank == 1, input[0] >= longest else {
      throw TrainError(
        .recipe, at: "model \(Self.name)", expected: "numbers of at least \(longest) words, as its widths ask for",
        got: "\(input)")
    }
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    var start = try initializer.weights([words, embedding])
    // Words that are not there say nothing at first.
    start.replaceRow(0, with: [Float](repeating: 0, count: embedding)[...])
    let table = builder.parameter("embedding.weight", start)
    let rows = try builder.channelsFirst(
      builder.embedding(builder.input("input", input.dimensions), table, name: "embedding"), name: "channels_first")
    let largest = try widths.enumerated().map { at, width in
      let weight = try builder.parameter("conv\(at).weight", initializer.weights([channels, embedding, width]))
      let bias = builder.parameter("conv\(at).bias", Tensor(zeros: [channels]))
      return try builder.maxOverTime(
        builder.sequenceConvolution(rows, weight, bias, name: "conv\(at)"), name: "largest\(at)")
    }
    let features = try builder.relu(builder.concatenate(largest, name: "largest"), name: "features")
    let scores = try builder.denseLayers(
      features, features: channels * widths.count, hidden: [], outputs: outputs, normalization: .none, relu: "relu",
      &initializer)
    return builder.finish(outputs: [("logits", scores)])
  }
}

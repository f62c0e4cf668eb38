import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// The inputs and the answer of a model.
public struct ModelSignature: Sendable, Equatable {
  /// One thing that a model takes.
  public struct Input: Sendable, Equatable {
    /// As the graph calls it.
    public var name: String
    /// Its elements' type.
    public var element: ElementType
    /// The shape of one example; of free axes the extent that it is planned for.
    public var shape: Shape
    /// Names of its free axes, by their place in `shape`; those of one name have one extent.
    public var free: [Int: String] = [:]
  }
  /// All that it takes, in the graph's order.
  public let inputs: [Input]
  /// How they lie in a row.
  public let layout: RowLayout
  /// Whether it takes one float input and nothing else, as most models do.
  public let takesOneFloat: Bool
  /// Whether a plan takes one row: the file's batch is one, and rows are answered one after the other.
  public let isRowByRow: Bool
  /// The name of its one input; of several all names.
  public let inputName: String
  /// The shape of one example; of several inputs [numbers of all], one input after the other.
  public let inputShape: Shape
  /// The name of the output that the answer is made of.
  public var outputName: String
  /// The kind of its answer.
  public var task: ModelTask
  /// By what the task was told.
  public var taskBasis: TaskBasis
  /// Numbers of a row of the output.
  public var outputWidth: Int
  /// One for each class or value, or empty.
  public var labelNames: [String]
  /// The kind of the output's numbers; `.logits` of a regression, which has no other.
  public var outputKind: OutputKind
  /// By what that kind was told.
  public var outputKindBasis: OutputKindBasis
  /// How inputs in the units of the data become what the graph takes.
  public var normalization: PixelNormalization

  /// How numbers as everybody gives them become what the graph takes: less the mean, by the deviation, channel by
  /// channel. Bytes are divided by 255 first.
  public struct PixelNormalization: Sendable, Equatable, Codable {
    /// One for each channel, or one for all.
    public var mean: [Float] = [0]
    /// As many as there are channels, or one for all; each above 0.
    public var deviation: [Float] = [1]
    /// Inputs stay as they are.
    public init() {}
    /// Whether inputs stay as they are.
    public var isIdentity: Bool { mean.allSatisfy { $0 == 0 } && deviation.allSatisfy { $0 == 1 } }
  }

  /// Classes that it tells apart; 0 of a regression.
  public var classes: Int { task.classes }
  /// Numbers of one answer.
  public var width: Int { task.width }
  /// Whether the output is probabilities already.
  public var givesProbabilities: Bool { outputKind == .probabilities }

  /// The metadata's key of the draws that a version is served with where a request names none.
  public static let samplesKey = "dither.samples"
  /// Keys that a file may have, but for its noise, which the graph has taken by then.
  private static let keys = [
    labelsKey, normalizationKey, taskKey, outputKindKey, Graph.outputKey, samplesKey, vocabularyKey, tuningKey,
  ]
  /// The metadata's key of how its noise was chosen on data, JSON: for readers, nothing follows it.
  public static let tuningKey = "dither.tuning"
  /// The metadata's key of the words behind the numbers of a text, JSON: {"length": n, "words": […]}.
  public static let vocabularyKey = "dither.vocabulary"
  /// Bytes of a class's name.
  private static let longestLabel = 512
  /// The metadata's key of the label names, a JSON list.
  public static let labelsKey = Graph.labelsKey
  /// The metadata's key of what the output's numbers are, a word of `OutputKind`.
  public static let outputKindKey = Graph.outputKindKey
  /// The metadata's key of the task, a word of ``ModelTask/names``.
  public static let taskKey = Graph.taskKey
  /// The metadata's key of how inputs are scaled, JSON.
  public static let normalizationKey = "dither.normalisation"

  /// - Throws: when an input of the graph has no batch axis, or no output the form of its task.
  public init(_ graph: Graph) throws(InferenceError) {
    let inputs = try Self.inputs(of: graph), found = try TaskOutput(of: graph)
    self.inputs = inputs
    isRowByRow = Self.isRowByRow(graph)
    layout = RowLayout(inputs.map { .init(name: $0.name, shape: $0.shape) })
    takesOneFloat = inputs.count == 1 && inputs[0].element == .float32
    inputName = inputs.map(\.name).joined(separator: ", ")
    inputShape = inputs.count == 1 ? inputs[0].shape : [layout.width]
    outputName = found.output.name
    task = found.task
    taskBasis = found.basis
    outputWidth = found.width
    outputKind = found.kind ?? .logits
    outputKindBasis = found.kindBasis
    labelNames = []
    normalization = PixelNormalization()
    try Self.checkKeys(graph)
    try readLabelNames(graph)
    try readScaling(graph)
  }

  /// The same model's signature for inputs of another size.
  /// - Parameter graph: the model's, for that size.
  /// - Throws: where its output is another for this size.
  func sized(like graph: Graph) throws(InferenceError) -> ModelSignature {
    var only = graph
    only.outputs = graph.outputs.filter { $0.name == outputName }
    let sizes = zip(graph.inputs, inputs).filter { !$1.free.isEmpty }.map { input, _ in
      "'\(input.name.clipped())' of \(input.shape(rows: 1).row)"
    }
    var sized: ModelSignature
    do throws(InferenceError) {
      sized = try ModelSignature(only)
      guard sized.outputWidth == outputWidth else {
        throw InferenceError(.inputShape, at: "", expected: "", got: "\(sized.outputWidth) numbers a row")
      }
    } catch {
      throw InferenceError(
        .inputShape, at: "input \(sizes.joined(separator: ", "))",
        expected: "a size for which output '\(outputName.clipped())' has \(outputWidth) numbers a row", got: error.got)
    }
    (sized.task, sized.taskBasis, sized.labelNames, sized.normalization) = (task, taskBasis, labelNames, normalization)
    (sized.outputKind, sized.outputKindBasis) = (outputKind, outputKindBasis)
    return sized
  }

  /// A key that was meant for this product and misspelled would be a model without its normalization.
  private static func checkKeys(_ graph: Graph) throws(InferenceError) {
    guard
      let stranger = graph.metadata.keys.sorted().first(where: { $0.hasPrefix("dither.") && !keys.contains($0) })
    else { return }
    // The reader takes the first two out.
    let known = [Graph.noiseKey, Graph.shapeKey] + keys
    throw InferenceError(
      .notAModel, at: "metadata_props '\(stranger.clipped())'",
      expected: "one of \(known.joined(separator: ", "))", got: "a key that means nothing here",
      advice: nearest(to: stranger, among: known).map { "did you mean '\($0)'?" })
  }

  private mutating func readLabelNames(_ graph: Graph) throws(InferenceError) {
    guard let text = graph.metadata[Self.labelsKey] else { return }
    guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), names.count == width else {
      throw Self.refuse(graph, "\(width) label names as a JSON list in '\(Self.labelsKey)'", text.clipped())
    }
    // Every answer repeats them.
    if let index = names.firstIndex(where: { $0.utf8.count > Self.longestLabel }) {
      throw InferenceError(
        .notAModel, at: "'\(Self.labelsKey)', name \(index)", expected: "at most \(Self.longestLabel) bytes",
        got: "\(names[index].utf8.count)")
    }
    labelNames = names
  }

  private mutating func readScaling(_ graph: Graph) throws(InferenceError) {
    guard let text = graph.metadata[Self.normalizationKey] else { return }
    try checkOneFloat(for: "metadata '\(Self.normalizationKey)'")
    guard let found = try? JSONDecoder().decode(PixelNormalization.self, from: Data(text.utf8)),
      !found.mean.isEmpty, !found.deviation.isEmpty, (found.mean + found.deviation).allSatisfy(\.isFinite),
      found.deviation.allSatisfy({ $0 > 0 })
    else {
      throw Self.refuse(graph, "mean and deviation (> 0) as JSON in '\(Self.normalizationKey)'", text.clipped())
    }
    normalization = found
    for count in [found.mean.count, found.deviation.count] where channelStride(count) == nil {
      throw Self.refuse(
        graph, "one number of '\(Self.normalizationKey)' for all, or one for each channel of \(inputShape)", "\(count)")
    }
  }

  private static func refuse(_ graph: Graph, _ expected: String, _ got: String) -> InferenceError {
    InferenceError(.notAModel, at: "model '\(graph.name.clipped())'", expected: expected, got: got)
  }

  /// - Throws: when the model tells no classes apart.
  public func checkClasses(for what: String) throws(InferenceError) {
    guard task.isRegression else { return }
    throw InferenceError(
      .notAClassifier, at: "\(what), model's output '\(outputName.clipped())'",
      expected: "a model that tells classes apart",
      got: "a regression of width \(width)",
      advice: taskBasis == .metadata ? nil : "it was \(taskBasis.note ?? "")")
  }

  /// - Throws: when there is not a class of this model for each row.
  public func check(labels: [Int], rows: Int, _ name: String = "labels") throws(InferenceError) {
    try checkClasses(for: "labels")
    guard labels.count == rows else {
      throw InferenceError(.labels, at: "labels", expected: "\(rows), one for each row", got: "\(labels.count)")
    }
    if let index = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
      throw InferenceError(
        .labels, at: "\(name), row \(index)", expected: "a class from 0 to \(classes - 1)", got: "\(labels[index])")
    }
  }
}

extension ModelSignature {
  /// - Throws: when they are not a class of this model, or of a regression its values, for each row.
  public func check(_ targets: Targets, rows: Int) throws(InferenceError) {
    guard task.isRegression else {
      guard case .classes(let labels, _) = targets else {
        throw InferenceError(
          .labels, at: "targets", expected: "a class for each row", got: "values",
          advice: "--task regression at the upload, or dither.task in the file, says that the model answers with values"
        )
      }
      return try check(labels: labels, rows: rows)
    }
    let expected = "\(width) finite \(width == 1 ? "value" : "values") for each of \(rows) rows"
    guard case .values(let values) = targets else {
      throw InferenceError(
        .labels, at: "targets", expected: expected, got: "classes",
        advice: taskBasis == .metadata ? nil : taskBasis.note)
    }
    guard values.shape.rank == 2, values.rowCount == rows, values.rowLength == width else {
      throw InferenceError(.labels, at: "targets", expected: expected, got: "shape \(values.shape)")
    }
    if let at = values.elements.firstIndex(where: { !$0.isFinite }) {
      throw InferenceError(
        .labels, at: "targets, row \(at / width)", expected: "finite values", got: "\(values.elements[at])")
    }
  }

  /// One row of the output, `outputWidth` numbers, as an answer tells it: class probabilities, or a regression's
  /// values; of a Gaussian's log-variances the variances.
  func answer(
    _ z: UnsafeBufferPointer<Float>, into p: UnsafeMutableBufferPointer<Double>, temperature: Double = 1
  ) {
    guard task.isRegression else { return probabilities(z, into: p, temperature: temperature) }
    for i in z.indices { p[i] = i < width ? Double(z[i]) : exp(Double(z[i])) }
  }

  /// One answer of the model, `classes` numbers, as class probabilities: softmax(z / T) of logits; what is
  /// probabilities already stays as it is, or p^(1/T) by its sum. Probabilities of classes by themselves, which do not
  /// add up to 1, are divided by their sum; where all of them are 0, no class is likelier than another.
  public func probabilities(
    _ z: UnsafeBufferPointer<Float>, into p: UnsafeMutableBufferPointer<Double>, temperature: Double = 1
  ) {
    if !givesProbabilities { return softmax(z, into: p, temperature: temperature) }
    for i in z.indices { p[i] = temperature == 1 ? Double(z[i]) : pow(max(Double(z[i]), 0), 1 / temperature) }
    var total = p.reduce(0, +)
    guard temperature != 1 || !Self.isWhole(total) else { return }
    if total <= 0 {
      p.update(repeating: 1)
      total = Double(p.count)
    } else if temperature == 1 {
      for i in p.indices { p[i] = max(p[i], 0) }
      total = p.reduce(0, +)
    }
    for i in p.indices { p[i] /= total }
  }

  /// Whether probabilities of this sum are a distribution as they stand, but for rounding.
  static func isWhole(_ total: Double) -> Bool { abs(total - 1) < 1e-3 }

  /// The class probabilities of each row, [B][classes], as means over the draws of [samples, B, classes].
  public func meanProbabilities(_ outputs: Tensor, rows: Int, temperature: Double = 1) -> [[Double]] {
    let draws = outputs.count / (rows * classes)
    var mean = [[Double]](repeating: [Double](repeating: 0, count: classes), count: rows)
    outputs.elements.withUnsafeBufferPointer { all in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: classes) { draw in
        for s in 0..<draws {
          for row in 0..<rows {
            let start = (s * rows + row) * classes
            let z = UnsafeBufferPointer(rebasing: all[start..<start + classes])
            probabilities(z, into: draw, temperature: temperature)
            for c in 0..<classes { mean[row][c] += draw[c] / Double(draws) }
          }
        }
      }
    }
    return mean
  }

  /// Logits, of which softmax makes probabilities, in the order of the elements.
  func logits(_ outputs: Tensor) -> [Double] {
    outputs.elements.map { givesProbabilities ? log(max(Double($0), .leastNormalMagnitude)) : Double($0) }
  }
}

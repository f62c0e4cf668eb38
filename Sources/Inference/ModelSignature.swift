import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// What a classifier takes and gives.
public struct ModelSignature: Sendable, Equatable {
  public var inputName: String
  /// Of one example.
  public var inputShape: Shape
  public var outputName: String
  public var task: ModelTask
  /// One for each class, or empty.
  public var labelNames: [String]
  /// What the output's numbers are.
  public var outputKind: OutputKind
  public var normalisation: PixelNormalisation

  /// How numbers as everybody gives them become what the graph takes: less the mean, by the deviation, channel by channel. Bytes are divided
  /// by 255 first.
  public struct PixelNormalisation: Sendable, Equatable, Codable {
    /// One for each channel, or one for all.
    public var mean: [Float] = [0]
    public var deviation: [Float] = [1]
    public init() {}
    public var isIdentity: Bool { mean.allSatisfy { $0 == 0 } && deviation.allSatisfy { $0 == 1 } }
  }

  /// Classes that it tells apart; 0 of a regression.
  public var classes: Int { task.classes }
  /// Numbers of one answer.
  public var width: Int { task.width }
  /// The output is probabilities already.
  public var givesProbabilities: Bool { outputKind == .probabilities }

  /// Keys of the graph's metadata.
  public static let labelsKey = Graph.labelsKey
  public static let outputKindKey = Graph.outputKindKey
  public static let normalisationKey = "dither.normalisation"
  /// The numbers of rows that a graph is tried for.
  private static let triedRows = [1, 2, 3, 7]

  /// - Throws: when the graph has not one float input with a batch axis and an output [batch, classes ≥ 2].
  public init(_ graph: Graph) throws(InferenceError) {
    func refuse(_ expected: String, _ got: String) -> InferenceError {
      InferenceError(.notAClassifier, at: "model '\(graph.name.clipped())'", expected: expected, got: got)
    }
    guard graph.inputs.count == 1, let input = graph.inputs.first else {
      throw refuse("one input", "\(graph.inputs.count)")
    }
    guard input.dimensions.first == .some(nil), input.dimensions.dropFirst().allSatisfy({ $0 != nil }) else {
      throw refuse(
        "an input whose first axis is the batch", "\(input.dimensions.map { $0.map(String.init) ?? "batch" })")
    }
    guard input.element == .float32 else {
      throw InferenceError(
        .notAClassifier, at: "model '\(graph.name.clipped())', input '\(input.name.clipped())'",
        expected: "an input of floats", got: "\(input.element)",
        advice: "export the model with a float input; models of integer or boolean inputs are not served yet")
    }
    guard input.shape(rows: 1).count > 0 else { throw refuse("an input with elements", "\(input.shape(rows: 1))") }
    // An output may fit one number of rows by chance.
    var typesByRows: [(rows: Int, types: [TensorType?])] = []
    for rows in Self.triedRows {
      do { typesByRows.append((rows, try graph.types(rows: rows))) } catch {
        throw refuse("a graph that can be planned for \(rows) rows", "\(error)")
      }
    }
    // Exporters of classical models put the label out first, and name the probabilities.
    func classCount(_ output: GraphOutput) -> Int? {
      var count: Int?
      for (rows, types) in typesByRows {
        // Images of one pixel are classes as well.
        guard let type = types[output.value.index], type.element == .float32, type.shape.rank >= 2,
          type.shape[0] == rows, type.shape[1] >= 2, type.shape.dimensions[2...].allSatisfy({ $0 == 1 }),
          type.shape[1] == count ?? type.shape[1]
        else { return nil }
        count = type.shape[1]
      }
      return count
    }
    let candidates = graph.outputs.filter { classCount($0) != nil }
    let named = candidates.first { $0.name.lowercased().contains("probabilit") }
    guard let output = named ?? candidates.first, let count = classCount(output) else {
      throw refuse(
        "a float output of shape [batch, classes] for any number of rows",
        typesByRows.prefix(2).map { rows, types in
          let outputs = graph.outputs.map { types[$0.value.index].map { "\($0)" } ?? "none" }
          return "\(outputs.joined(separator: ", ")) for \(rows)"
        }.joined(separator: ", "))
    }
    inputName = input.name
    inputShape = Shape(input.dimensions.dropFirst().compactMap { $0 })
    outputName = output.name
    task = .classification(classes: count)
    if let word = graph.metadata[Self.outputKindKey] {
      guard let kind = OutputKind(rawValue: word) else {
        let known = OutputKind.allCases.map(\.rawValue)
        throw InferenceError(
          .notAClassifier, at: "metadata '\(Self.outputKindKey)'",
          expected: "one of \(known.joined(separator: ", "))", got: "'\(word.clipped())'",
          advice: nearest(to: word, among: known).map { "did you mean '\($0)'?" })
      }
      outputKind = kind
    } else {
      do { outputKind = try graph.outputKind(of: output.value) ?? .logits } catch {
        throw refuse("a graph that can be planned", "\(error)")
      }
    }
    labelNames = []
    normalisation = PixelNormalisation()
    if let text = graph.metadata[Self.labelsKey] {
      guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), names.count == classes else {
        throw refuse("\(classes) label names as a JSON list in '\(Self.labelsKey)'", text.clipped())
      }
      labelNames = names
    }
    if let text = graph.metadata[Self.normalisationKey] {
      guard let found = try? JSONDecoder().decode(PixelNormalisation.self, from: Data(text.utf8)),
        !found.mean.isEmpty, !found.deviation.isEmpty, (found.mean + found.deviation).allSatisfy(\.isFinite),
        found.deviation.allSatisfy({ $0 > 0 })
      else { throw refuse("mean and deviation (> 0) as JSON in '\(Self.normalisationKey)'", text.clipped()) }
      normalisation = found
      for count in [found.mean.count, found.deviation.count] where channelStride(count) == nil {
        throw refuse(
          "one number of '\(Self.normalisationKey)' for all, or one for each channel of \(inputShape)", "\(count)")
      }
    }
  }

  /// - Throws: when the rows are not examples of this model, or hold NaN or infinities.
  public func check(_ inputs: Tensor) throws(InferenceError) {
    guard inputs.shape.rank == inputShape.rank + 1, inputs.shape.row == inputShape, inputs.rowCount > 0 else {
      throw InferenceError(
        .inputShape, at: "input '\(inputName.clipped())'",
        expected: "[B, \(inputShape.dimensions.map(String.init).joined(separator: ", "))] with B ≥ 1",
        got: "\(inputs.shape)")
    }
    if !inputs.isFinite, let index = inputs.elements.firstIndex(where: { !$0.isFinite }) {
      throw InferenceError(
        .notFinite, at: "input '\(inputName.clipped())', row \(index / inputs.rowLength)", expected: "finite numbers",
        got: "\(inputs.elements[index]) at element \(index % inputs.rowLength)")
    }
  }

  public func check(labels: [Int], rows: Int) throws(InferenceError) {
    guard labels.count == rows else {
      throw InferenceError(.labels, at: "labels", expected: "\(rows), one for each row", got: "\(labels.count)")
    }
    if let index = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
      throw InferenceError(
        .labels, at: "labels, row \(index)", expected: "a class from 0 to \(classes - 1)", got: "\(labels[index])")
    }
  }
}

extension ModelSignature {
  /// One answer of the model, `width` numbers, as it is told: class probabilities, or a regression's values as they are.
  func answer(
    _ z: UnsafeBufferPointer<Float>, into p: UnsafeMutableBufferPointer<Double>, temperature: Double = 1
  ) {
    guard case .regression = task else { return probabilities(z, into: p, temperature: temperature) }
    for i in z.indices { p[i] = Double(z[i]) }
  }

  /// One answer of the model, `classes` numbers, as class probabilities: softmax(z / T) of logits; what is probabilities already stays as it
  /// is, or p^(1/T) by its sum. Probabilities of classes by themselves, which do not add up to 1, are divided by their sum.
  public func probabilities(
    _ z: UnsafeBufferPointer<Float>, into p: UnsafeMutableBufferPointer<Double>, temperature: Double = 1
  ) {
    if !givesProbabilities { return softmax(z, into: p, temperature: temperature) }
    for i in z.indices { p[i] = temperature == 1 ? Double(z[i]) : pow(max(Double(z[i]), 0), 1 / temperature) }
    let total = p.reduce(0, +)
    guard temperature != 1 || !(abs(total - 1) < 1e-3) else { return }
    for i in p.indices { p[i] /= total }
  }

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

  /// What softmax makes probabilities of, in the order of the elements.
  func logits(_ outputs: Tensor) -> [Double] {
    outputs.elements.map { givesProbabilities ? log(max(Double($0), .leastNormalMagnitude)) : Double($0) }
  }
}

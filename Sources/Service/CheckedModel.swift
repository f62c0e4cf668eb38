import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import Foundation

/// A file that was found to be a model: read within limits, a classifier by its signature, and tried.
public struct CheckedModel: Sendable {
  let bytes: Int
  let signature: ModelSignature
  let noise: NoiseModel?
  let defaultSamples: Int
  /// Statements of the file that nobody follows, a sentence each.
  let warnings: [String]

  /// Draws that a noisy model is asked for when neither the caller nor its file says how many: as many as in an audit,
  /// which judges a model as it is deployed.
  static let usualSamples = DeployedPredictor.defaultSamples

  /// - Parameter proceed: called between the passes of the trial; what it throws ends it.
  /// - Throws: why the file is not one to serve.
  public init(onnx bytes: [UInt8], limits: OnnxLimits = .uploaded, proceed: () throws -> Void = {}) throws {
    try self.init(Graph(onnx: bytes, limits: limits), bytes: bytes.count, proceed: proceed)
  }

  /// - Parameter bytes: of the file that the graph was read from, which need not be in memory any more.
  init(_ graph: Graph, bytes: Int, proceed: () throws -> Void) throws {
    self.bytes = bytes
    try proceed()
    let model = try Model(graph, proceed: proceed)
    signature = model.signature
    noise = model.noise
    warnings = model.graph.warnings
    try Self.tryOut(model, proceed)
    var samples = Self.usualSamples
    if let text = model.graph.metadata[ModelSignature.samplesKey] {
      guard let count = Int(text), (1...Sampling.mostSamples).contains(count) else {
        throw ServiceError(
          .badModel, at: "metadata '\(ModelSignature.samplesKey)'", expected: "1 to \(Sampling.mostSamples)",
          got: "'\(text.clipped())'")
      }
      samples = count
    }
    defaultSamples = model.noise == nil ? 0 : samples
  }

  /// One prediction with, and one without noise; what comes must be finite.
  private static func tryOut(_ model: Model, _ proceed: () throws -> Void) throws {
    try proceed()
    let tried = "inputs of 0.5 throughout, 1 where they are integers"
    let input = model.signature.trialRows(Tensor(model.signature.inputShape.replacingBatch(1), repeating: 0.5))
    let plain = try model.outputs(input)
    guard let undefined = plain.elements.first(where: { !$0.isFinite }) else {
      try proceed()
      let drawn = model.noise == nil ? nil : try model.sampledOutputs(input, NoiseDraws(0..<2, seeds: [1]))
      try keepsRowsApart(model, proceed)
      try model.confirmOutputKind(proceed: proceed)
      if let drawn, let undefined = drawn.elements.first(where: { !$0.isFinite }) {
        throw ServiceError(
          .badModel, at: "trial run with its noise", expected: "finite outputs for \(tried)",
          got: "\(Self.written(undefined)), and finite ones without noise", advice: "give it less noise")
      }
      return
    }
    try proceed()
    let source = try model.firstUndefined(on: input)
    throw ServiceError(
      .badModel, at: "trial run", expected: "finite outputs for \(tried)",
      got: Self.written(undefined) + (source.map { ", from \($0.place) on" } ?? ""),
      advice: source?.isIndexed == true
        ? "its indices reach beyond what it picks from: export the whole table, or what bounds them"
        : "export the model from a state that works")
  }

  private static func written(_ undefined: Float) -> String { undefined.isNaN ? "NaN" : "\(undefined)" }

  /// Requests of several callers are answered as one batch: no row's answer may depend on the others.
  private static func keepsRowsApart(_ model: Model, _ proceed: () throws -> Void) throws {
    let rows = 3, shape = model.signature.inputShape.replacingBatch(rows)
    let inputs = model.signature.trialRows(Tensor(shape, NoiseAddress(seed: 7).uniforms(shape.count)))
    guard let found = try model.rowDependence(on: inputs, proceed: proceed) else { return }
    throw ServiceError(
      .badModel, at: "trial run", expected: "an answer for each row that does not depend on the other rows",
      got: "another one for row \(found.row) alone than among \(rows): \(found.cause)",
      advice: found.place.map { "look at \($0): it works along the axis of the rows" }
        ?? "look for an op that works along axis 0, as a Softmax of axis 0")
  }

  var signatureJson: String {
    let record = SignatureRecord(
      inputName: signature.inputName,
      inputShape: signature.inputs.count == 1
        ? signature.inputs[0].extents : signature.hasFreeAxes ? [-1] : signature.inputShape.dimensions,
      inputs: signature.takesOneFloat
        ? nil
        : signature.inputs.map { .init(name: $0.name, element: $0.element, shape: $0.extents) },
      outputName: signature.outputName,
      classes: signature.classes, labelNames: signature.labelNames, task: signature.task.name,
      width: signature.width, taskNote: signature.taskBasis.note,
      outputKind: signature.task.isRegression ? nil : signature.outputKind.rawValue,
      outputKindNote: signature.task.isRegression ? nil : signature.outputKindBasis.note)
    return jsonText(record)
  }
  var noiseJson: String { noise.map(jsonText) ?? "" }
}

/// A signature as the store keeps it, so that models are listed without being loaded.
struct SignatureRecord: Codable, Sendable, Equatable {
  /// One of the inputs.
  struct Input: Codable, Sendable, Equatable {
    var name: String
    var element: ElementType
    /// The shape of one example; −1 is an axis of any extent.
    var shape: [Int]
  }

  var inputName: String
  /// The shape of one example, −1 being an axis of any extent; of several inputs their numbers together.
  var inputShape: [Int]
  /// nil: one of floats, by the name and of the shape above.
  var inputs: [Input]?
  var outputName: String
  /// 0 of a regression.
  var classes: Int
  var labelNames: [String]
  /// Records from before there were others have none: a classification.
  var task: String?
  /// Numbers of one answer; of older records the classes.
  var width: Int?
  /// How the task was told, where the file does not say it.
  var taskNote: String?
  /// A word of `OutputKind`; none of a regression, and of older records.
  var outputKind: String?
  /// How it was told.
  var outputKindNote: String?

  /// All that the model takes.
  var allInputs: [Input] { inputs ?? [Input(name: inputName, element: .float32, shape: inputShape)] }
}

/// Coded with sorted keys: the same value is the same text.
func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  guard let data = try? encoder.encode(value) else { preconditionFailure("our own records are JSON") }
  return String(decoding: data, as: UTF8.self)
}

extension Shape {
  /// With a batch axis before this shape's own.
  func replacingBatch(_ rows: Int) -> Shape { Shape([rows] + dimensions) }
}

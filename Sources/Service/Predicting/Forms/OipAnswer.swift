import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import Foundation
import SwiftProtobuf

/// How an answer shall be written.
struct OipAnswerForm: Sendable {
  private struct Asked: Sendable {
    var name: String
    /// So many of the largest, as text: Triton's classification extension.
    var top: Int?
  }

  struct Output {
    var name: String
    var tensor: OipTensor
  }

  private let id: String
  private let isRaw: Bool
  /// None: the usual ones.
  private let asked: [Asked]
  private let patience: Duration?

  /// - Throws: for parameters of outputs that are not what they must be.
  init(_ request: Inference_ModelInferRequest) throws(ServiceError) {
    id = request.id
    isRaw = !request.rawInputContents.isEmpty
    var asked: [Asked] = []
    for output in request.outputs {
      var top: Int?
      if let given = output.parameters["classification"] {
        guard case .int64Param(let count) = given.parameterChoice, count >= 0 else {
          throw ServiceError(
            .badField, at: "outputs, '\(output.name.clipped())', classification", expected: "a number of classes",
            got: "something else")
        }
        // Clients say 0 where they want the tensor.
        if count > 0 { top = Int(clamping: count) }
      }
      asked.append(Asked(name: output.name, top: top))
    }
    self.asked = asked
    patience = try OipParameters(request.parameters).whole("timeout").flatMap { microseconds in
      microseconds > 0 ? .microseconds(Int64(clamping: microseconds)) : nil
    }
  }

  /// The caller, and no longer than its parameter `timeout` says.
  func bounding(_ caller: Caller) -> Caller {
    guard let patience else { return caller }
    var caller = caller
    let end = ContinuousClock.now + patience
    caller.deadline = caller.deadline.map { min($0, end) } ?? end
    return caller
  }

  /// - Throws: for an output that this answer does not have.
  func response(_ answer: PredictionAnswer) throws(ServiceError) -> Inference_ModelInferResponse {
    var response = Inference_ModelInferResponse()
    response.modelName = answer.model
    response.modelVersion = "\(answer.version)"
    response.id = id
    response.parameters = Self.parameters(of: answer)
    for output in try outputs(answer) {
      var message = Inference_ModelInferResponse.InferOutputTensor()
      message.name = output.name
      message.datatype = output.tensor.content.datatype.rawValue
      message.shape = output.tensor.shape.map(Int64.init)
      if isRaw {
        response.rawOutputContents.append(output.tensor.content.raw)
      } else {
        message.contents = output.tensor.content.typed
      }
      response.outputs.append(message)
    }
    return response
  }

  /// The outputs that were asked for, or the usual ones.
  /// - Throws: for an output that this answer does not have.
  func outputs(_ answer: PredictionAnswer) throws(ServiceError) -> [Output] {
    var found: [Output] = []
    for asked in asked.isEmpty ? answer.usualOutputs.map({ Asked(name: $0) }) : asked {
      found.append(Output(name: asked.name, tensor: try tensor(asked, answer)))
    }
    return found
  }

  private func tensor(_ asked: Asked, _ answer: PredictionAnswer) throws(ServiceError) -> OipTensor {
    let name = asked.name, place = "outputs, '\(name.clipped())'"
    guard let tensor = try answer.tensor(name) else {
      let names =
        [answer.outputName] + OipOutputName.all + Catalog<any Measure.Type>.measures.names + ConformalIntervals.names
      throw ServiceError(
        .badField, at: place, expected: "one of \(names.joined(separator: ", "))", got: "another name",
        advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
    }
    guard let top = asked.top else { return tensor }
    guard let texts = tensor.largest(top, labels: answer.labelNames) else {
      throw ServiceError(
        .badField, at: "\(place), classification", expected: "an output with a number for each class",
        got: "one of shape \(tensor.shape)")
    }
    return texts
  }

  static func parameters(of answer: PredictionAnswer) -> [String: Inference_InferParameter] {
    func number(_ value: UInt64) -> Inference_InferParameter {
      .with {
        // Older clients know no unsigned numbers.
        if let signed = Int64(exactly: value) { $0.int64Param = signed } else { $0.uint64Param = value }
      }
    }
    let why =
      switch answer.stopReason {
      case .requested: "requested"
      case .toleranceMet: "tolerance_met"
      case .sampleLimit: "sample_limit"
      case .deadlineNear: "deadline_near"
      }
    var found = [
      "samples": number(UInt64(answer.samples)), "seed": number(answer.seed),
      "stop_reason": .with { $0.stringParam = why }, "temperature": .with { $0.doubleParam = answer.temperature },
    ]
    if !answer.noise.isEmpty { found["noise"] = .with { $0.stringParam = answer.noise.joined(separator: "; ") } }
    if let calibration = answer.calibration { found["calibration"] = number(UInt64(calibration)) }
    if let sets = answer.sets {
      found["set_kind"] = .with { $0.stringParam = sets.isClassConditional ? "class_conditional" : "marginal" }
      if !sets.always.isEmpty {
        found["always_in_set"] = .with { $0.stringParam = sets.always.map(String.init).joined(separator: ", ") }
      }
    }
    return found
  }
}

extension PredictionAnswer {
  private var hasQuantiles: Bool { !quantiles.isEmpty && predictions.allSatisfy { !$0.quantiles.isEmpty } }
  private var isLabeled: Bool { predictions.allSatisfy { $0.label != nil } }

  /// Names of the outputs that come where none is asked for, each once.
  fileprivate var usualOutputs: [String] {
    var names = [outputName]
    if isLabeled { names.append(OipOutputName.label) }
    names += predictions.first?.measurements.map(\.name) ?? []
    if sets != nil { names.append(OipOutputName.predictionSet) }
    if hasQuantiles { names.append(OipOutputName.quantiles) }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// - Returns: nil of a name that is no output's.
  /// - Throws: for one that this answer lacks, as what one draw cannot tell.
  fileprivate func tensor(_ name: String) throws(ServiceError) -> OipTensor? {
    let rows = predictions.count
    func refuse(_ expected: String, _ got: String) -> ServiceError {
      ServiceError(.badField, at: "outputs, '\(name.clipped())'", expected: expected, got: got)
    }
    // The model's own name first: it may be any.
    if name == outputName || name == OipOutputName.mean { return matrix(predictions.map(\.mean)) }
    switch name {
    case OipOutputName.label:
      guard isLabeled else { throw refuse("a classifier", "a regression") }
      return OipTensor(shape: [rows], content: .integers(predictions.map { Int64($0.label ?? 0) }))
    case OipOutputName.labelName:
      guard !labelNames.isEmpty else { throw refuse("a model with names of its classes", "one without") }
      return OipTensor(shape: [rows], content: .texts(predictions.map { labelName(of: $0) ?? "" }))
    case OipOutputName.predictionSet:
      guard let sets else { throw refuse("the parameter coverage", "none") }
      let width = predictions.first?.mean.count ?? 0
      let flags = sets.classes.flatMap { set in (0..<width).map(set.contains) }
      return OipTensor(shape: [rows, width], content: .flags(flags))
    case OipOutputName.quantiles:
      guard !quantiles.isEmpty else { throw refuse("the parameter quantiles", "none") }
      guard hasQuantiles else { throw untold("quantiles", of: name) }
      let width = predictions.first?.mean.count ?? 0
      let values = predictions.flatMap { $0.quantiles.joined().map { Float($0) } }
      return OipTensor(shape: [rows, quantiles.count, width], content: .floats(values))
    default: return try measured(name)
    }
  }

  private func measured(_ name: String) throws(ServiceError) -> OipTensor? {
    let measure = Catalog<any Measure.Type>.measures.entries.first { $0.name == name }
    let isInterval = ConformalIntervals.names.contains(name)
    guard measure != nil || isInterval else { return nil }
    let found = predictions.compactMap { prediction in prediction.measurements.first { $0.name == name }?.values }
    guard found.count == predictions.count else {
      guard isInterval else { throw untold("a measure", of: name) }
      throw ServiceError(
        .badField, at: "outputs, '\(name)'", expected: "the parameter coverage, of a regression",
        got: isLabeled ? "a classifier" : "none")
    }
    let isNumber = measure?.isByClass == false && found.allSatisfy { $0.count == 1 }
    return isNumber ? OipTensor(shape: [found.count], content: .floats(found.map { Float($0[0]) })) : matrix(found)
  }

  private func untold(_ what: String, of name: String) -> ServiceError {
    ServiceError(
      .badField, at: "outputs, '\(name)'", expected: "what \(samples) draws of this model can tell",
      got: "\(what) that they cannot", advice: "ask for more samples, or leave it out")
  }

  private func matrix(_ rows: [[Double]]) -> OipTensor {
    OipTensor(shape: [rows.count, rows.first?.count ?? 0], content: .floats(rows.joined().map { Float($0) }))
  }
}

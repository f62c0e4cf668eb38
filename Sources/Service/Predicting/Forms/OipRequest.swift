import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import Foundation
import SwiftProtobuf

/// The parameters of a request of the Open Inference Protocol: all that it says beside its tensors.
struct OipParameters {
  /// Said by clients, and of no meaning here: they are for schedulers, sequences and gateways.
  private static let ignored: Set = [
    "binary_data_output", "content_type", "headers", "priority", "sequence_end", "sequence_id", "sequence_start",
    "triton_enable_empty_final_response",
  ]
  private static let known = [
    "samples", "seed", "tolerance", "max_samples", "coverage", "set_rule", "interval_rule", "never_empty",
    "uncalibrated",
    "antithetic", "draws", "quantiles", "timeout", "noise",
  ]
  let values: [String: Inference_InferParameter]

  /// - Throws: for a name that says nothing to this server.
  init(_ values: [String: Inference_InferParameter]) throws(ServiceError) {
    for name in values.keys.sorted() where !Self.known.contains(name) && !Self.ignored.contains(name) {
      throw ServiceError(
        .badField, at: "parameters", expected: "one of \(Self.known.joined(separator: ", "))",
        got: "'\(name.clipped())'", advice: nearest(to: name, among: Self.known).map { "did you mean '\($0)'?" })
    }
    self.values = values
  }

  private func refuse(_ name: String, _ expected: String) -> ServiceError {
    let got =
      switch values[name]?.parameterChoice {
      case .boolParam(let value): "\(value)"
      case .int64Param(let value): "\(value)"
      case .uint64Param(let value): "\(value)"
      case .doubleParam(let value): "\(value)"
      case .stringParam(let value): "'\(value.clipped())'"
      case nil: "nothing"
      }
    return ServiceError(.badField, at: "parameters.\(name)", expected: expected, got: got)
  }

  func whole(_ name: String) throws(ServiceError) -> UInt64? {
    guard let value = values[name] else { return nil }
    let found: UInt64? =
      switch value.parameterChoice {
      case .int64Param(let number): UInt64(exactly: number)
      case .uint64Param(let number): number
      case .doubleParam(let number): UInt64(exactly: number)
      default: nil
      }
    guard let found else { throw refuse(name, "a whole number from 0") }
    return found
  }

  func count(_ name: String) throws(ServiceError) -> Int? {
    guard let found = try whole(name) else { return nil }
    guard let count = Int(exactly: found) else { throw refuse(name, "a number of draws") }
    return count
  }

  func real(_ name: String) throws(ServiceError) -> Double? {
    switch values[name]?.parameterChoice {
    case nil where values[name] == nil: return nil
    case .doubleParam(let number): return number
    case .int64Param(let number): return Double(number)
    case .uint64Param(let number): return Double(number)
    default: throw refuse(name, "a number")
    }
  }

  func flag(_ name: String) throws(ServiceError) -> Bool {
    switch values[name]?.parameterChoice {
    case nil where values[name] == nil: return false
    case .boolParam(let value): return value
    default: throw refuse(name, "true or false")
    }
  }

  func word<Value>(_ name: String, _ choices: KeyValuePairs<String, Value>) throws(ServiceError) -> Value? {
    guard let value = values[name] else { return nil }
    guard let choice = choices.first(where: { value.parameterChoice == .stringParam($0.key) }) else {
      throw refuse(name, "one of \(choices.map(\.key).joined(separator: ", "))")
    }
    return choice.value
  }

  /// Texts between semicolons: "weights:gaussian,sigma=0.03; input:gaussian,sigma=0.1".
  func texts(_ name: String) throws(ServiceError) -> [String] {
    guard let value = values[name] else { return [] }
    guard case .stringParam(let text)? = value.parameterChoice else { throw refuse(name, "text") }
    return text.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  /// A list, as text: "0.05, 0.95"; or one number.
  func reals(_ name: String) throws(ServiceError) -> [Double] {
    guard case .stringParam(let text)? = values[name]?.parameterChoice else {
      return try real(name).map { [$0] } ?? []
    }
    var found: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Double(part.trimmingCharacters(in: .whitespaces)) else {
        throw refuse(name, "numbers between commas")
      }
      found.append(number)
    }
    return found
  }
}

extension PredictionQuery {
  /// - Throws: what is missing, or of no known kind, by its field.
  init(_ request: Inference_ModelInferRequest) throws(ServiceError) {
    let given = try OipParameters(request.parameters)
    model = OipModel.reference(request.modelName, version: request.modelVersion)
    let raw = request.rawInputContents
    guard raw.isEmpty || raw.count == request.inputs.count else {
      throw ServiceError(
        .badField, at: "raw_input_contents", expected: "one for each input, or none", got: "\(raw.count)")
    }
    try InputArray.checkNames(request.inputs.map(\.name), at: "inputs")
    inputs = []
    for (number, tensor) in request.inputs.enumerated() {
      inputs.append(try InputArray(tensor, raw: raw.isEmpty ? nil : raw[number]))
    }
    samples = try given.count("samples")
    tolerance = try given.real("tolerance")
    maxSamples = try given.count("max_samples")
    seed = try given.whole("seed")
    path = try given.word("draws", ["fresh": .fresh, "shared": .explicit]) ?? .fresh
    antithetic = try given.flag("antithetic")
    quantiles = try given.reals("quantiles")
    coverage = try given.real("coverage")
    setRule = try given.word("set_rule", ["lac": .lac, "aps": .aps])
    intervalRule = try given.word(
      "interval_rule", ["absolute": .absolute, "normalized": .normalized, "quantiles": .quantiles])
    neverEmpty = try given.flag("never_empty")
    uncalibrated = try given.flag("uncalibrated")
    noise = try given.texts("noise")
    let names = request.outputs.map(\.name)
    // An answer has each of them for each row.
    guard Set(names).count == names.count else {
      throw ServiceError(
        .badField, at: "outputs", expected: "each output once", got: "\(names.count) names, some twice")
    }
    let known = Catalog<any Measure.Type>.measures.names
    measures = request.outputs.map(\.name).filter(known.contains)
  }
}

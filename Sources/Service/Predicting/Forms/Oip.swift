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
    "samples", "seed", "tolerance", "max_samples", "coverage", "set_rule", "never_empty", "uncalibrated", "antithetic",
    "draws", "quantiles", "timeout",
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
    guard let tensor = request.inputs.first, request.inputs.count == 1 else {
      throw ServiceError(.badField, at: "inputs", expected: "one tensor", got: "\(request.inputs.count)")
    }
    guard request.rawInputContents.isEmpty || request.rawInputContents.count == 1 else {
      throw ServiceError(
        .badField, at: "raw_input_contents", expected: "one for each input, or none",
        got: "\(request.rawInputContents.count)")
    }
    input = try InputArray(tensor, raw: request.rawInputContents.first)
    samples = try given.count("samples")
    tolerance = try given.real("tolerance")
    maxSamples = try given.count("max_samples")
    seed = try given.whole("seed")
    path = try given.word("draws", ["fresh": .fresh, "shared": .explicit]) ?? .fresh
    antithetic = try given.flag("antithetic")
    quantiles = try given.reals("quantiles")
    coverage = try given.real("coverage")
    setRule = try given.word("set_rule", ["lac": .lac, "aps": .aps])
    neverEmpty = try given.flag("never_empty")
    uncalibrated = try given.flag("uncalibrated")
    let known = Catalog<any Measure.Type>.measures.names
    measures = request.outputs.map(\.name).filter(known.contains)
  }
}

extension InputArray {
  /// - Parameter raw: little-endian, instead of the tensor's typed contents.
  fileprivate init(
    _ tensor: Inference_ModelInferRequest.InferInputTensor, raw: Data?
  ) throws(ServiceError) {
    func refuse(_ field: String, _ expected: String, _ got: String) -> ServiceError {
      ServiceError(.badField, at: "inputs, '\(tensor.name.clipped())', \(field)", expected: expected, got: got)
    }
    guard raw == nil || !tensor.hasContents else {
      throw refuse("contents", "none beside raw_input_contents", "both")
    }
    let taken = OipDatatype.allCases.filter { $0 != .bytes }
    guard let type = OipDatatype(rawValue: tensor.datatype), taken.contains(type) else {
      throw refuse(
        "datatype", "one of \(taken.map(\.rawValue).joined(separator: ", "))", "'\(tensor.datatype.clipped())'")
    }
    // Which of two kinds of values is meant, nobody knows.
    let filled = tensor.contents.filled.filter { $0 != type.contentsField }
    guard filled.isEmpty else {
      let own = type.contentsField ?? "raw_input_contents"
      throw refuse("contents", "\(own) alone for \(type.rawValue)", filled.joined(separator: ", "))
    }
    guard let data = raw.map({ Self.data(type, $0) }) ?? Self.data(type, tensor.contents) else {
      throw refuse("contents", "values of \(type.rawValue), or raw ones", "others")
    }
    self.init(element: type == .uint8 ? .uint8 : .float32, shape: tensor.shape, data: data, name: tensor.name)
  }

  /// Bytes, or floats: what is wider is rounded to them. The count is seen to by who knows the model.
  private static func data(_ type: OipDatatype, _ raw: Data) -> Data {
    switch type {
    case .bool: floats(raw, UInt8.self) { $0 == 0 ? 0 : 1 }
    case .int8: floats(raw, UInt8.self) { Float(Int8(bitPattern: $0)) }
    case .int16: floats(raw, UInt16.self) { Float(Int16(bitPattern: $0)) }
    case .int32: floats(raw, UInt32.self) { Float(Int32(bitPattern: $0)) }
    case .int64: floats(raw, UInt64.self) { Float(Int64(bitPattern: $0)) }
    case .uint16: floats(raw, UInt16.self) { Float($0) }
    case .uint32: floats(raw, UInt32.self) { Float($0) }
    case .uint64: floats(raw, UInt64.self) { Float($0) }
    case .fp64: floats(raw, UInt64.self) { Float(Double(bitPattern: $0)) }
    case .fp16: floats(raw, UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .bf16: floats(raw, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .fp32, .uint8, .bytes: raw
    }
  }

  private static func floats<Bits: FixedWidthInteger>(
    _ raw: Data, _: Bits.Type, _ value: (Bits) -> Float
  ) -> Data {
    let width = MemoryLayout<Bits>.size
    let floats = raw.withUnsafeBytes { bytes in
      (0..<bytes.count / width).map {
        value(Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Bits.self)))
      }
    }
    return OipContent.raw(floats) + raw.suffix(raw.count % width)
  }

  /// - Returns: nil where the values are of another type.
  private static func data(_ type: OipDatatype, _ contents: Inference_InferTensorContents) -> Data? {
    func floats(_ values: [some BinaryInteger], in range: ClosedRange<Int>) -> Data? {
      values.allSatisfy { range.contains(Int($0)) } ? OipContent.raw(values.map { Float($0) }) : nil
    }
    switch type {
    case .fp32: return OipContent.raw(contents.fp32Contents)
    case .fp64: return OipContent.raw(contents.fp64Contents.map { Float($0) })
    case .uint8:
      let bytes = contents.uintContents.compactMap(UInt8.init(exactly:))
      return bytes.count == contents.uintContents.count ? Data(bytes) : nil
    case .uint16: return floats(contents.uintContents, in: 0...Int(UInt16.max))
    case .uint32: return floats(contents.uintContents, in: 0...Int(UInt32.max))
    case .int8: return floats(contents.intContents, in: Int(Int8.min)...Int(Int8.max))
    case .int16: return floats(contents.intContents, in: Int(Int16.min)...Int(Int16.max))
    case .int32: return floats(contents.intContents, in: Int(Int32.min)...Int(Int32.max))
    case .int64: return OipContent.raw(contents.int64Contents.map { Float($0) })
    case .uint64: return OipContent.raw(contents.uint64Contents.map { Float($0) })
    case .bool: return OipContent.raw(contents.boolContents.map { Float($0 ? 1 : 0) })
    case .fp16, .bf16, .bytes: return nil
    }
  }
}

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
      let names = [answer.outputName] + OipOutputName.all + Catalog<any Measure.Type>.measures.names
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
    guard let measure = Catalog<any Measure.Type>.measures.entries.first(where: { $0.name == name }) else { return nil }
    let found = predictions.compactMap { prediction in prediction.measurements.first { $0.name == name }?.values }
    guard found.count == predictions.count else {
      throw untold("a measure", of: name)
    }
    let isNumber = !measure.isByClass && found.allSatisfy { $0.count == 1 }
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

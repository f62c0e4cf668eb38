import DitherBasics
import DitherProto
import Foundation
import SwiftProtobuf

/// A request of the Open Inference Protocol over HTTP: JSON, with the tensors of the binary-data extension behind it.
struct OipJsonRequest {
  /// The header that says how many bytes of the body are JSON, where others follow.
  static let lengthHeader = "inference-header-content-length"

  private struct Body: OipJsonObject {
    struct Input: OipJsonObject {
      static let keys = ["name", "shape", "datatype", "parameters", "data"]
      var name: String
      var shape: OipJsonShape
      var datatype: String
      var parameters: [String: OipJsonParameter]?
      var data: OipJsonElements?
    }
    struct Output: OipJsonObject {
      static let keys = ["name", "parameters"]
      var name: String
      var parameters: [String: OipJsonParameter]?
    }
    // KServe's clients send `model_name` too; the path says it.
    static let keys = ["id", "model_name", "parameters", "inputs", "outputs"]
    var id: String?
    var parameters: [String: OipJsonParameter]?
    var inputs: [OipJsonKnown<Input>]
    var outputs: [OipJsonKnown<Output>]?
  }

  /// The same as the gRPC door takes it.
  let message: Inference_ModelInferRequest
  /// Outputs whose data shall go behind the JSON; nil: those that are not named here.
  private let isBinary: [String: Bool]
  private let isBinaryElsewhere: Bool

  /// - Throws: for what is no such request, by its field.
  init(_ bytes: Data, jsonBytes: String?, model: String, version: String) throws(ServiceError) {
    let (json, tail) = try Self.parts(bytes, jsonBytes)
    let body = try OipJsonKnown<Body>.read(json, as: "an inference request as JSON")
    let inputs = body.inputs.map(\.value), outputs = (body.outputs ?? []).map(\.value)
    var message = Inference_ModelInferRequest()
    message.modelName = model
    message.modelVersion = version
    message.id = body.id ?? ""
    message.parameters = (body.parameters ?? [:]).mapValues(\.message)
    var left = tail
    for input in inputs {
      var tensor = Inference_ModelInferRequest.InferInputTensor()
      tensor.name = input.name
      tensor.datatype = input.datatype
      tensor.shape = input.shape.extents
      if let size = input.parameters?["binary_data_size"] {
        let count = try Self.byteCount(size, of: input, left: left.count)
        message.rawInputContents.append(left.prefix(count))
        left = left.dropFirst(count)
      } else if let data = input.data {
        guard data.shape == tensor.shape || data.shape?.count == 1 else {
          throw ServiceError(
            .badField, at: "inputs, '\(input.name.clipped())', data",
            expected: "numbers in a flat array, or nested as the shape \(tensor.shape)".clipped(),
            got: data.shape.map { "nested as \($0)".clipped() } ?? "rows of unlike lengths")
        }
        tensor.contents = try data.contents(input.datatype, of: input.name)
      }
      message.inputs.append(tensor)
    }
    guard left.isEmpty else {
      throw ServiceError(.badField, at: "body", expected: "no bytes behind the last tensor", got: "\(left.count)")
    }
    message.outputs = outputs.map { output in
      .with {
        $0.name = output.name
        $0.parameters = (output.parameters ?? [:]).mapValues(\.message)
      }
    }
    self.message = message
    isBinaryElsewhere = body.parameters?["binary_data_output"] == .flag(true)
    isBinary = Dictionary(
      outputs.compactMap { output in
        guard case .flag(let flag)? = output.parameters?["binary_data"] else { return nil }
        return (output.name, flag)
      }, uniquingKeysWith: { _, last in last })
  }

  func wantsBinary(_ output: String) -> Bool { isBinary[output] ?? isBinaryElsewhere }

  private static func byteCount(
    _ size: OipJsonParameter, of input: Body.Input, left: Int
  ) throws(ServiceError) -> Int {
    func refuse(_ expected: String, _ got: String) -> ServiceError {
      ServiceError(.badField, at: "inputs, '\(input.name.clipped())', binary_data_size", expected: expected, got: got)
    }
    guard case .integer(let count) = size else { throw refuse("a whole number of bytes", "something else") }
    guard count >= 0, count <= left, input.data == nil else {
      let data = input.data == nil ? "" : " and data"
      throw refuse("at most the \(left) bytes behind the JSON, and no data", "\(count)\(data)")
    }
    return Int(count)
  }

  private static func parts(_ bytes: Data, _ jsonBytes: String?) throws(ServiceError) -> (json: Data, tail: Data) {
    guard let jsonBytes else { return (bytes, Data()) }
    guard let count = Int(jsonBytes), (0...bytes.count).contains(count) else {
      throw ServiceError(
        .badField, at: Self.lengthHeader, expected: "0 to the \(bytes.count) bytes of the body",
        got: "'\(jsonBytes.clipped())'")
    }
    return (bytes.prefix(count), bytes.dropFirst(count))
  }
}

/// An object of the protocol's JSON whose keys are known; what is free is in its parameters.
protocol OipJsonObject: Decodable {
  static var keys: [String] { get }
}

/// An object without keys that say nothing.
struct OipJsonKnown<Value: OipJsonObject>: Decodable {
  let value: Value

  init(from decoder: any Swift.Decoder) throws {
    try decoder.requireKeys(of: "body", among: Value.keys)
    value = try Value(from: decoder)
  }

  /// - Parameter expected: what a body must be, in words.
  static func read(_ json: Data, as expected: String) throws(ServiceError) -> Value {
    do { return try JSONDecoder().decode(Self.self, from: json).value } catch let fault as CatalogError {
      throw ServiceError(
        .badField, at: fault.place, expected: fault.expected, got: fault.got, advice: fault.advice)
    } catch let fault as ServiceError {
      throw fault
    } catch {
      // The place of what is no JSON is in none of Foundation's public words.
      let words = JsonText(json).illegal(isStrict: true) ?? (error as? DecodingError)?.words ?? "something else"
      throw ServiceError(.badField, at: "body", expected: expected, got: words)
    }
  }
}

/// A parameter, in JSON.
enum OipJsonParameter: Codable, Equatable {
  case flag(Bool)
  case integer(Int64)
  /// From 2⁶³ on.
  case large(UInt64)
  case number(Double)
  case text(String)

  init(from decoder: any Swift.Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
    } else if let large = try? value.decode(UInt64.self) {
      self = .large(large)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }

  init(_ message: Inference_InferParameter) {
    switch message.parameterChoice {
    case .boolParam(let flag): self = .flag(flag)
    case .int64Param(let integer): self = .integer(integer)
    case .uint64Param(let integer): self = Int64(exactly: integer).map(Self.integer) ?? .large(integer)
    case .doubleParam(let number): self = .number(number)
    case .stringParam(let text): self = .text(text)
    case nil: self = .text("")
    }
  }

  func encode(to encoder: any Swift.Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .flag(let flag): try value.encode(flag)
    case .integer(let integer): try value.encode(integer)
    case .large(let integer): try value.encode(integer)
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    }
  }

  var message: Inference_InferParameter {
    .with {
      switch self {
      case .flag(let flag): $0.boolParam = flag
      case .integer(let integer): $0.int64Param = integer
      case .large(let integer): $0.uint64Param = integer
      case .number(let number): $0.doubleParam = number
      case .text(let text): $0.stringParam = text
      }
    }
  }
}

/// The extents of a tensor.
struct OipJsonShape: Decodable {
  let extents: [Int64]

  init(from decoder: any Swift.Decoder) throws {
    do { extents = try decoder.singleValueContainer().decode([Int64].self) } catch is DecodingError {
      let expected = "a list of whole numbers"
      guard var list = try? decoder.unkeyedContainer() else { throw OipJsonElements.refusal(decoder, expected) }
      while (try? list.decode(Int64.self)) != nil {}
      throw OipJsonElements.refusal(try list.superDecoder(), expected)
    }
  }
}

/// The numbers of a tensor, flat or nested: both are written row-major.
struct OipJsonElements: Decodable {
  var values: [Double]
  /// As it is nested; nil where rows of one depth are not of one length.
  var shape: [Int64]?
  /// They are truth values, of which numbers are made.
  var areFlags = false

  init(from decoder: any Swift.Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flat = try? container.decode([Double].self) {
      values = flat
      shape = [Int64(flat.count)]
    } else if let flags = try? container.decode([Bool].self) {
      values = flags.map { $0 ? 1 : 0 }
      shape = [Int64(flags.count)]
      areFlags = true
    } else {
      let parts: [OipJsonElements]
      do { parts = try container.decode([OipJsonElements].self) } catch let error as DecodingError {
        if let stranger = Self.stranger(in: decoder) { throw stranger }
        throw error
      }
      values = parts.flatMap(\.values)
      areFlags = parts.contains(where: \.areFlags)
      if let first = parts.first?.shape, parts.allSatisfy({ $0.shape == first }) {
        shape = [Int64(parts.count)] + first
      }
    }
  }

  /// The element that is of another kind than those before it; nil: the list that this one is in says so.
  private static func stranger(in decoder: any Swift.Decoder) -> ServiceError? {
    let expected = "numbers alone, or true and false alone, in lists"
    guard var list = try? decoder.unkeyedContainer() else {
      return decoder.codingPath.last?.intValue == nil ? refusal(decoder, expected) : nil
    }
    if (try? list.decode(Double.self)) != nil {
      while (try? list.decode(Double.self)) != nil {}
    } else if (try? list.decode(Bool.self)) != nil {
      while (try? list.decode(Bool.self)) != nil {}
    } else {
      while (try? list.nestedUnkeyedContainer()) != nil {}
    }
    return (try? list.superDecoder()).map { refusal($0, expected) }
  }

  fileprivate static func refusal(_ decoder: any Swift.Decoder, _ expected: String) -> ServiceError {
    let value = try? decoder.singleValueContainer(), got: String
    var advice: String?
    if value?.decodeNil() == true {
      got = "null"
    } else if let flag = try? value?.decode(Bool.self) {
      got = "\(flag)"
    } else if let number = try? value?.decode(Double.self) {
      got = shown(number)
    } else if let text = try? value?.decode(String.self) {
      got = "the text '\(text.clipped())'"
      advice = "texts (BYTES), NaN and infinities are taken by no model"
    } else {
      got = "something else"
    }
    return ServiceError(.badField, at: decoder.place(in: "body"), expected: expected, got: got, advice: advice)
  }

  /// Without a fraction where it has none.
  private static func shown(_ number: Double) -> String { Int64(exactly: number).map { "\($0)" } ?? "\(number)" }

  /// The largest number that JSON says exactly: readers take it for a double.
  private static let largest = Int64(1) << 53 - 1

  /// - Throws: where JSON cannot say such values. Types that no model takes are told by who reads the tensor.
  fileprivate func contents(_ datatype: String, of name: String) throws(ServiceError) -> Inference_InferTensorContents {
    func refuse(_ expected: String, _ got: String, _ advice: String? = nil) -> ServiceError {
      ServiceError(
        .badField, at: "inputs, '\(name.clipped())', data", expected: expected, got: got, advice: advice)
    }
    func whole<Number: FixedWidthInteger>(
      _ least: Number, _ most: Number, _ advice: String? = nil
    ) throws(ServiceError) -> [Number] {
      var found: [Number] = []
      found.reserveCapacity(values.count)
      for (at, value) in values.enumerated() {
        guard let number = Number(exactly: value), (least...most).contains(number) else {
          throw refuse("whole numbers from \(least) to \(most)", "\(Self.shown(value)) at element \(at)", advice)
        }
        found.append(number)
      }
      return found
    }
    let type = OipDatatype(rawValue: datatype)
    let asBytes = "as bytes behind it with binary_data_size"
    guard !areFlags || type == .bool else { throw refuse("numbers", "true or false") }
    var contents = Inference_InferTensorContents()
    switch type {
    case .fp32, .fp64:
      if let at = values.firstIndex(where: { !Float($0).isFinite }) {
        throw refuse("numbers that fp32 holds", "\(Self.shown(values[at])) at element \(at)")
      }
      if type == .fp32 { contents.fp32Contents = values.map { Float($0) } } else { contents.fp64Contents = values }
    case .uint8: contents.uintContents = try whole(0, UInt32(UInt8.max))
    case .uint16: contents.uintContents = try whole(0, UInt32(UInt16.max))
    case .uint32: contents.uintContents = try whole(0, .max)
    case .uint64: contents.uint64Contents = try whole(0, Self.largest.magnitude, "send larger ones \(asBytes)")
    case .int8: contents.intContents = try whole(Int32(Int8.min), Int32(Int8.max))
    case .int16: contents.intContents = try whole(Int32(Int16.min), Int32(Int16.max))
    case .int32: contents.intContents = try whole(.min, .max)
    case .int64: contents.int64Contents = try whole(-Self.largest, Self.largest, "send larger ones \(asBytes)")
    case .bool: contents.boolContents = try whole(0, UInt8(1)).map { $0 == 1 }
    case .fp16, .bf16: throw refuse("FP32 in JSON, or \(datatype) \(asBytes)", "\(datatype) in JSON")
    case .bytes, nil: break
    }
    return contents
  }
}

/// An answer over HTTP: JSON, and behind it the tensors that were asked for as bytes.
struct OipJsonAnswer {
  private struct Body: Encodable {
    struct Output: Encodable {
      var name: String
      var shape: [Int]
      var datatype: String
      var parameters: [String: OipJsonParameter]?
      var data: OipContent?
    }
    enum CodingKeys: String, CodingKey {
      case model = "model_name"
      case version = "model_version"
      case id, parameters, outputs
    }
    var model: String
    var version: String
    var id: String?
    var parameters: [String: OipJsonParameter]
    var outputs: [Output]
  }

  let json: Data
  let tail: Data

  init(_ outputs: [OipAnswerForm.Output], _ answer: PredictionAnswer, to request: OipJsonRequest) throws {
    var tail = Data()
    let written = outputs.map { output in
      var body = Body.Output(
        name: output.name, shape: output.tensor.shape, datatype: output.tensor.content.datatype.rawValue)
      if request.wantsBinary(output.name) {
        let raw = output.tensor.content.raw
        body.parameters = ["binary_data_size": .integer(Int64(raw.count))]
        tail += raw
      } else {
        body.data = output.tensor.content
      }
      return body
    }
    let id = request.message.id
    let body = Body(
      model: answer.model, version: "\(answer.version)", id: id.isEmpty ? nil : id,
      parameters: OipAnswerForm.parameters(of: answer).mapValues(OipJsonParameter.init), outputs: written)
    json = try JSONEncoder().encode(body)
    self.tail = tail
  }
}

extension OipContent: Encodable {
  func encode(to encoder: any Swift.Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .floats(let values): try value.encode(values)
    case .integers(let values): try value.encode(values)
    case .flags(let values): try value.encode(values)
    case .texts(let values): try value.encode(values)
    }
  }
}

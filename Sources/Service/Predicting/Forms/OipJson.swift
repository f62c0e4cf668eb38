import DitherBasics
import DitherProto
import Foundation
import SwiftProtobuf

/// A request of the Open Inference Protocol over HTTP: JSON, with the tensors of the binary-data extension behind it.
struct OipJsonRequest {
  /// The header that says how many bytes of the body are JSON, where others follow.
  static let lengthHeader = "inference-header-content-length"

  private struct Body: Decodable {
    struct Input: Decodable {
      var name: String
      var shape: [Int64]
      var datatype: String
      var parameters: [String: OipJsonParameter]?
      var data: OipJsonElements?
    }
    struct Output: Decodable {
      var name: String
      var parameters: [String: OipJsonParameter]?
    }
    var id: String?
    var parameters: [String: OipJsonParameter]?
    var inputs: [Input]
    var outputs: [Output]?
  }

  /// The same as the gRPC door takes it.
  let message: Inference_ModelInferRequest
  /// Outputs whose data shall go behind the JSON; nil: those that are not named here.
  private let isBinary: [String: Bool]
  private let isBinaryElsewhere: Bool

  /// - Throws: for what is no such request, by its field.
  init(_ bytes: Data, jsonBytes: String?, model: String, version: String) throws(ServiceError) {
    let (json, tail) = try Self.parts(bytes, jsonBytes)
    let body: Body
    do { body = try JSONDecoder().decode(Body.self, from: json) } catch {
      throw ServiceError(.badField, at: "body", expected: "an inference request as JSON", got: Self.reason(error))
    }
    var message = Inference_ModelInferRequest()
    message.modelName = model
    message.modelVersion = version
    message.id = body.id ?? ""
    message.parameters = (body.parameters ?? [:]).mapValues(\.message)
    var left = tail
    for input in body.inputs {
      var tensor = Inference_ModelInferRequest.InferInputTensor()
      tensor.name = input.name
      tensor.datatype = input.datatype
      tensor.shape = input.shape
      if case .integer(let count)? = input.parameters?["binary_data_size"] {
        guard count >= 0, count <= left.count, input.data == nil else {
          throw ServiceError(
            .badField, at: "inputs, '\(input.name.clipped())', binary_data_size",
            expected: "at most the \(left.count) bytes behind the JSON, and no data", got: "\(count)")
        }
        message.rawInputContents.append(left.prefix(Int(count)))
        left = left.dropFirst(Int(count))
      } else if let data = input.data {
        tensor.contents = try data.contents(input.datatype, of: input.name)
      }
      message.inputs.append(tensor)
    }
    guard left.isEmpty else {
      throw ServiceError(.badField, at: "body", expected: "no bytes behind the last tensor", got: "\(left.count)")
    }
    message.outputs = (body.outputs ?? []).map { output in
      .with {
        $0.name = output.name
        $0.parameters = (output.parameters ?? [:]).mapValues(\.message)
      }
    }
    self.message = message
    isBinaryElsewhere = body.parameters?["binary_data_output"] == .flag(true)
    isBinary = Dictionary(
      (body.outputs ?? []).compactMap { output in
        guard case .flag(let flag)? = output.parameters?["binary_data"] else { return nil }
        return (output.name, flag)
      }, uniquingKeysWith: { _, last in last })
  }

  func wantsBinary(_ output: String) -> Bool { isBinary[output] ?? isBinaryElsewhere }

  private static func parts(_ bytes: Data, _ jsonBytes: String?) throws(ServiceError) -> (json: Data, tail: Data) {
    guard let jsonBytes else { return (bytes, Data()) }
    guard let count = Int(jsonBytes), (0...bytes.count).contains(count) else {
      throw ServiceError(
        .badField, at: Self.lengthHeader, expected: "0 to the \(bytes.count) bytes of the body",
        got: "'\(jsonBytes.clipped())'")
    }
    return (bytes.prefix(count), bytes.dropFirst(count))
  }

  private static func reason(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String {
      let names = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      return names.isEmpty ? "" : " at \(names.joined(separator: ".").clipped())"
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context): return "no '\(key.stringValue)'\(path(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context): return "another type\(path(context))"
    case .dataCorrupted(let context): return "no such JSON\(path(context))"
    default: return "something else"
    }
  }
}

/// A parameter, in JSON.
enum OipJsonParameter: Codable, Equatable {
  case flag(Bool)
  case integer(Int64)
  case number(Double)
  case text(String)

  init(from decoder: any Swift.Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
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
    case .uint64Param(let integer): self = Int64(exactly: integer).map(Self.integer) ?? .number(Double(integer))
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
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    }
  }

  var message: Inference_InferParameter {
    .with {
      switch self {
      case .flag(let flag): $0.boolParam = flag
      case .integer(let integer): $0.int64Param = integer
      case .number(let number): $0.doubleParam = number
      case .text(let text): $0.stringParam = text
      }
    }
  }
}

/// The numbers of a tensor, flat or nested as its shape is: both are written row-major.
struct OipJsonElements: Decodable {
  var values: [Double]

  init(from decoder: any Swift.Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flat = try? container.decode([Double].self) {
      values = flat
    } else {
      values = try container.decode([OipJsonElements].self).flatMap { $0.values }
    }
  }

  /// - Throws: where JSON cannot say such values. Types that no model takes are told by who reads the tensor.
  fileprivate func contents(_ datatype: String, of name: String) throws(ServiceError) -> Inference_InferTensorContents {
    var contents = Inference_InferTensorContents()
    switch OipDatatype(rawValue: datatype) {
    case .fp32: contents.fp32Contents = values.map { Float($0) }
    case .fp64: contents.fp64Contents = values
    case .uint8:
      let bytes = values.compactMap(UInt8.init(exactly:))
      guard bytes.count == values.count else {
        throw ServiceError(
          .badField, at: "inputs, '\(name.clipped())', data", expected: "whole numbers from 0 to 255", got: "others")
      }
      contents.uintContents = bytes.map(UInt32.init)
    default: break
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

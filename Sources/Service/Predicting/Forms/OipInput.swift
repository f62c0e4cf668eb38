import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import Foundation
import SwiftProtobuf

extension InputArray {
  /// - Parameter raw: little-endian, instead of the tensor's typed contents.
  init(
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

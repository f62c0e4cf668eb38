import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

/// ONNX `TensorProto`, in files of its own (`.pb`) and inside models.
public enum OnnxTensor {
  /// - Throws: when the bytes are no tensor, its type is not one that we take, or its data do not fit its dims.
  public static func read(_ bytes: [UInt8]) throws(GraphError) -> Literal {
    let proto: Onnx_TensorProto
    do { proto = try Onnx_TensorProto(serializedBytes: bytes) } catch {
      throw GraphError(.malformed, at: "tensor file", expected: "an ONNX TensorProto", got: "\(error)".clipped())
    }
    return try literal(proto, at: "tensor '\(proto.name.clipped())'", finite: false)
  }

  /// A tensor file.
  /// - Throws: when protobuf cannot hold it.
  public static func write(_ literal: Literal, name: String = "") throws(GraphError) -> [UInt8] {
    do { return try proto(literal, name: name).serializedBytes() } catch {
      throw GraphError(.malformed, at: "tensor '\(name)'", expected: "a tensor that can be written", got: "\(error)")
    }
  }

  /// - Parameter stored: the type that integers have in the file.
  static func proto(_ literal: Literal, name: String, as stored: StoredNumber? = nil) -> Onnx_TensorProto {
    var proto = Onnx_TensorProto()
    if !name.isEmpty { proto.name = name }
    proto.dims = literal.type.shape.dimensions.map(Int64.init)
    func raw<T>(_ type: Int, _ values: [T]) {
      proto.dataType = Int32(type)
      proto.rawData = values.withUnsafeBytes { .init($0) }
    }
    switch literal {
    case .float(let tensor):
      if let stored, let format = stored.float8 {
        raw(stored.onnx, tensor.elements.map(format.bits))
      } else {
        raw(Onnx_TensorProto.DataType.float.rawValue, tensor.elements)
      }
    case .int64(_, let values):
      let type = stored?.onnx ?? Onnx_TensorProto.DataType.int64.rawValue
      switch stored {
      case .uint4, .int4: raw(type, nibbles(values))
      case .uint8: raw(type, values.map { UInt8(truncatingIfNeeded: $0) })
      case .int8: raw(type, values.map { Int8(truncatingIfNeeded: $0) })
      case .uint16: raw(type, values.map { UInt16(truncatingIfNeeded: $0) })
      case .int16: raw(type, values.map { Int16(truncatingIfNeeded: $0) })
      case .int32: raw(type, values.map { Int32(truncatingIfNeeded: $0) })
      default: raw(Onnx_TensorProto.DataType.int64.rawValue, values)
      }
    case .bool(_, let values): raw(Onnx_TensorProto.DataType.bool.rawValue, values)
    }
    return proto
  }

  /// Integers of 4 bits, two in a byte, the first in the lower half.
  private static func nibbles(_ values: [Int64]) -> [UInt8] {
    stride(from: 0, to: values.count, by: 2).map { at in
      let high = at + 1 < values.count ? values[at + 1] : 0
      return UInt8(truncatingIfNeeded: values[at] & 0xF | (high & 0xF) << 4)
    }
  }

  /// - Parameter finite: refuse NaN and infinities, as in weights.
  static func literal(_ proto: Onnx_TensorProto, at place: String, finite: Bool, limit: Int = 1 << 28)
    throws(GraphError) -> Literal
  {
    func refuse(_ code: GraphFault, _ expected: String, _ got: String) -> GraphError {
      GraphError(code, at: place, expected: expected, got: got)
    }
    guard !proto.hasDataLocation || proto.dataLocation == .default, proto.externalData.isEmpty else {
      var fault = refuse(.malformed, "data inside the file", "external data: no other file is read here")
      fault.advice = "keep the files that it names beside it: dither's commands read them and send one file"
      throw fault
    }
    guard proto.dims.count <= 8, proto.dims.allSatisfy({ $0 >= 0 }) else {
      throw refuse(.shape, "at most 8 dims, none negative", "\(proto.dims.prefix(9))")
    }
    let shape = Shape(proto.dims.map(Int.init))
    guard let span = shape.span, span <= limit else {
      throw refuse(.tooLarge, "at most \(limit) elements", "\(shape)")
    }
    let count = shape.count
    let kinds = [
      proto.hasRawData ? "raw_data" : nil, proto.floatData.isEmpty ? nil : "float_data",
      proto.int32Data.isEmpty ? nil : "int32_data", proto.int64Data.isEmpty ? nil : "int64_data",
      proto.doubleData.isEmpty ? nil : "double_data", proto.uint64Data.isEmpty ? nil : "uint64_data",
      proto.stringData.isEmpty ? nil : "string_data",
    ].compactMap { $0 }
    guard kinds.count <= 1 else {
      throw refuse(.malformed, "one kind of data", kinds.joined(separator: " and "))
    }
    func values<Raw: BitwiseCopyable, Listed>(
      _ listed: [Listed], _ raw: Raw.Type, count: Int = count, _ convert: (Listed) -> Raw
    ) throws(GraphError) -> [Raw] {
      let size = MemoryLayout<Raw>.size
      let got = proto.hasRawData ? proto.rawData.count : listed.count * size
      guard got == count * size else {
        throw refuse(.malformed, "\(count) elements of \(size) bytes for \(shape)", "\(got) bytes")
      }
      guard proto.hasRawData else { return listed.map(convert) }
      return [Raw](unsafeUninitializedCapacity: count) { buffer, filled in
        proto.rawData.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
        filled = count
      }
    }
    func floats(_ values: [Float]) throws(GraphError) -> Literal {
      if finite, let index = values.firstIndex(where: { !$0.isFinite }) {
        throw refuse(.notFinite, "finite weights", "\(values[index]) at element \(index)")
      }
      return .float(Tensor(shape, values))
    }
    func integers<Stored: FixedWidthInteger & BitwiseCopyable & SendableMetatype>(
      _ type: Stored.Type
    ) throws(GraphError) -> Literal {
      .int64(shape, try values(proto.int32Data, type, { Stored(truncatingIfNeeded: $0) }).map(Int64.init))
    }
    func packed(_ type: StoredNumber) throws(GraphError) -> Literal {
      let bytes = try values(
        proto.int32Data, UInt8.self, count: (count + 1) / 2, { UInt8(truncatingIfNeeded: $0) })
      return .int64(shape, (0..<count).map { type.wrapped(Int64(bytes[$0 / 2] >> ($0 % 2 * 4) & 0xF)) })
    }
    let stored = StoredNumber(onnx: Int(proto.dataType))
    switch stored {
    case .uint4?, .int4?: return try packed(stored ?? .uint4)
    case .uint32?:
      return .int64(
        shape, try values(proto.uint64Data, UInt32.self, { UInt32(truncatingIfNeeded: $0) }).map(Int64.init))
    case .uint64?:
      let found = try values(proto.uint64Data, UInt64.self, { $0 })
      guard let large = found.first(where: { $0 > Int64.max }) else { return .int64(shape, found.map(Int64.init)) }
      throw refuse(.unsupportedType, "integers below 2^63", "\(large)")
    case .bfloat16?:
      return try floats(
        values(proto.int32Data, UInt16.self, { UInt16(truncatingIfNeeded: $0) }).map {
          Float(bitPattern: UInt32($0) << 16)
        })
    default: break
    }
    if let format = stored?.float8 {
      return try floats(
        values(proto.int32Data, UInt8.self, { UInt8(truncatingIfNeeded: $0) }).map(format.value))
    }
    switch Onnx_TensorProto.DataType(rawValue: Int(proto.dataType)) {
    case .float: return try floats(values(proto.floatData, Float.self, { $0 }))
    case .double: return try floats(values(proto.doubleData, Double.self, { $0 }).map(Float.init))
    case .int64: return .int64(shape, try values(proto.int64Data, Int64.self, { $0 }))
    case .int32: return .int64(shape, try values(proto.int32Data, Int32.self, { $0 }).map(Int64.init))
    case .float16:
      return try floats(
        values(proto.int32Data, UInt16.self, { UInt16(truncatingIfNeeded: $0) }).map {
          Float(Float16(bitPattern: $0))
        })
    case .uint8: return try integers(UInt8.self)
    case .int8: return try integers(Int8.self)
    case .uint16: return try integers(UInt16.self)
    case .int16: return try integers(Int16.self)
    case .bool: return .bool(shape, try values(proto.int32Data, UInt8.self, { $0 == 0 ? 0 : 1 }).map { $0 != 0 })
    case .some(let other):
      throw refuse(
        .unsupportedType, ElementType.taken, "\(other)")
    case nil: throw refuse(.unsupportedType, "a data type of ONNX", "number \(proto.dataType)")
    }
  }
}

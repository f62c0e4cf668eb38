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
  static func proto(_ literal: Literal, name: String, as stored: StoredInteger? = nil) -> Onnx_TensorProto {
    var proto = Onnx_TensorProto()
    if !name.isEmpty { proto.name = name }
    proto.dims = literal.type.shape.dimensions.map(Int64.init)
    func raw<T>(_ type: Onnx_TensorProto.DataType, _ values: [T]) {
      proto.dataType = Int32(type.rawValue)
      proto.rawData = values.withUnsafeBytes { .init($0) }
    }
    switch literal {
    case .float(let tensor): raw(.float, tensor.elements)
    case .int64(_, let values):
      switch stored {
      case .uint8: raw(.uint8, values.map { UInt8(truncatingIfNeeded: $0) })
      case .int8: raw(.int8, values.map { Int8(truncatingIfNeeded: $0) })
      case .uint16: raw(.uint16, values.map { UInt16(truncatingIfNeeded: $0) })
      case .int16: raw(.int16, values.map { Int16(truncatingIfNeeded: $0) })
      case .int32: raw(.int32, values.map { Int32(truncatingIfNeeded: $0) })
      case nil: raw(.int64, values)
      }
    case .bool(_, let values): raw(.bool, values)
    }
    return proto
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
    func values<Raw: BitwiseCopyable, Listed>(_ listed: [Listed], _ raw: Raw.Type, _ convert: (Listed) -> Raw)
      throws(GraphError) -> [Raw]
    {
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
        .unsupportedType, "float, double, float16, bool or integers of 8 to 64 bits but uint32 and uint64", "\(other)")
    case nil: throw refuse(.unsupportedType, "a data type of ONNX", "number \(proto.dataType)")
    }
  }
}

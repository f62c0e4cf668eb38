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
    // Contents that hold nothing are none: MLServer's client sends such.
    guard raw == nil || tensor.contents.filled.isEmpty else {
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
    guard type != .uint64 || !Self.hasLarge(tensor.contents.uint64Contents, raw) else {
      throw refuse("contents", "values of UINT64 up to \(Int64.max)", "a larger one")
    }
    // Said here, in the caller's type: behind it there are three.
    if let count = Self.count(tensor.shape) {
      let width = type.width, isRight = raw.map { $0.count % width == 0 && $0.count / width == count }
      guard isRight ?? (tensor.contents.valueCount == count) else {
        let each = raw == nil ? "" : ", \(width) bytes each,"
        throw ServiceError(
          .badField, at: "inputs, '\(tensor.name.clipped())'",
          expected: "\(count) values of \(type.rawValue)\(each) for the shape \(tensor.shape)".clipped(),
          got: raw.map { "\($0.count) bytes" } ?? "\(tensor.contents.valueCount)")
      }
    }
    self.init(element: Element(type), shape: tensor.shape, data: data, name: tensor.name)
  }

  /// nil: extents that no tensor has, of which more is known where the model is.
  private static func count(_ shape: [Int64]) -> Int? {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: extent))
      guard extent > 0, !overflow else { return nil }
      count = product
    }
    return count
  }

  /// Whether there is a number that INT64 does not hold, to which they come.
  private static func hasLarge(_ values: [UInt64], _ raw: Data?) -> Bool {
    guard let raw else { return values.contains { $0 > UInt64(Int64.max) } }
    return raw.enumerated().contains { $0.offset % 8 == 7 && $0.element >= 0x80 }
  }

  /// Bytes, integers, or floats: what is wider is rounded to them. The count is seen to by who knows the model.
  private static func data(_ type: OipDatatype, _ raw: Data) -> Data {
    switch type {
    case .bool: values(raw, UInt8.self) { $0 == 0 ? Int64(0) : 1 }
    case .int8: values(raw, UInt8.self) { Int64(Int8(bitPattern: $0)) }
    case .int16: values(raw, UInt16.self) { Int64(Int16(bitPattern: $0)) }
    case .int32: values(raw, UInt32.self) { Int64(Int32(bitPattern: $0)) }
    case .uint16: values(raw, UInt16.self) { Int64($0) }
    case .uint32: values(raw, UInt32.self) { Int64($0) }
    case .uint64: values(raw, UInt64.self) { Int64(clamping: $0) }
    case .fp64: values(raw, UInt64.self) { Float(Double(bitPattern: $0)) }
    case .fp16: values(raw, UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .bf16: values(raw, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .fp32, .uint8, .int64, .bytes: raw
    }
  }

  private static func values<Bits: FixedWidthInteger, Value: BitwiseCopyable>(
    _ raw: Data, _: Bits.Type, _ value: (Bits) -> Value
  ) -> Data {
    let width = MemoryLayout<Bits>.size
    let values = raw.withUnsafeBytes { bytes in
      (0..<bytes.count / width).map {
        value(Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Bits.self)))
      }
    }
    return OipContent.raw(values) + raw.suffix(raw.count % width)
  }

  /// - Returns: nil where the values are of another type.
  private static func data(_ type: OipDatatype, _ contents: Inference_InferTensorContents) -> Data? {
    func integers(_ values: [some BinaryInteger], in range: ClosedRange<Int>) -> Data? {
      values.allSatisfy { range.contains(Int($0)) } ? OipContent.raw(values.map { Int64($0) }) : nil
    }
    switch type {
    case .fp32: return OipContent.raw(contents.fp32Contents)
    case .fp64: return OipContent.raw(contents.fp64Contents.map { Float($0) })
    case .uint8:
      let bytes = contents.uintContents.compactMap(UInt8.init(exactly:))
      return bytes.count == contents.uintContents.count ? Data(bytes) : nil
    case .uint16: return integers(contents.uintContents, in: 0...Int(UInt16.max))
    case .uint32: return integers(contents.uintContents, in: 0...Int(UInt32.max))
    case .int8: return integers(contents.intContents, in: Int(Int8.min)...Int(Int8.max))
    case .int16: return integers(contents.intContents, in: Int(Int16.min)...Int(Int16.max))
    case .int32: return integers(contents.intContents, in: Int(Int32.min)...Int(Int32.max))
    case .int64: return OipContent.raw(contents.int64Contents)
    case .uint64: return OipContent.raw(contents.uint64Contents.map { Int64(clamping: $0) })
    case .bool: return OipContent.raw(contents.boolContents.map { $0 ? Int64(1) : 0 })
    case .fp16, .bf16, .bytes: return nil
    }
  }
}

extension OipDatatype {
  /// Bytes of a raw value.
  fileprivate var width: Int {
    switch self {
    case .bool, .uint8, .int8, .bytes: 1
    case .uint16, .int16, .fp16, .bf16: 2
    case .uint32, .int32, .fp32: 4
    case .uint64, .int64, .fp64: 8
    }
  }
}

extension InputArray.Element {
  /// The type that values come to.
  fileprivate init(_ type: OipDatatype) {
    self =
      switch type {
      case .uint8: .uint8
      case .fp16, .bf16, .fp32, .fp64: .float32
      case .bool, .int8, .int16, .int32, .int64, .uint16, .uint32, .uint64, .bytes: .int64
      }
  }
}

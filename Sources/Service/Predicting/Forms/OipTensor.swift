import DitherProto
import Foundation
import SwiftProtobuf

/// An output before it is written.
struct OipTensor {
  var shape: [Int]
  var content: OipContent

  /// "value:class:label" of the `count` largest of each row, largest first, as Triton writes them; nil where rows have no
  /// number for each class.
  func largest(_ count: Int, labels: [String]) -> OipTensor? {
    guard case .floats(let values) = content, shape.count == 2, shape[1] > 0 else { return nil }
    let rows = shape[0], width = shape[1], count = min(count, width)
    var texts: [String] = []
    for row in 0..<rows {
      let order = (0..<width).sorted { values[row * width + $0] > values[row * width + $1] }
      for place in order.prefix(count) {
        let label = labels.indices.contains(place) ? ":\(labels[place])" : ""
        texts.append(String(format: "%f", values[row * width + place]) + ":\(place)\(label)")
      }
    }
    return OipTensor(shape: [rows, count], content: .texts(texts))
  }
}

/// Elements of one tensor, row-major.
enum OipContent {
  case floats([Float])
  case integers([Int64])
  case flags([Bool])
  case texts([String])

  var datatype: OipDatatype {
    switch self {
    case .floats: .fp32
    case .integers: .int64
    case .flags: .bool
    case .texts: .bytes
    }
  }

  /// Little-endian, a text behind its length in four bytes.
  var raw: Data {
    switch self {
    case .floats(let values): Self.raw(values)
    case .integers(let values): Self.raw(values)
    case .flags(let values): Data(values.map { $0 ? 1 : 0 })
    case .texts(let values):
      values.reduce(into: Data()) { data, text in
        data += Self.raw([UInt32(text.utf8.count)])
        data += Data(text.utf8)
      }
    }
  }

  /// The wire is little-endian, as every machine is that this is built for.
  static func raw<Element: BitwiseCopyable>(_ values: [Element]) -> Data { values.withUnsafeBytes { Data($0) } }

  var typed: Inference_InferTensorContents {
    .with {
      switch self {
      case .floats(let values): $0.fp32Contents = values
      case .integers(let values): $0.int64Contents = values
      case .flags(let values): $0.boolContents = values
      case .texts(let values): $0.bytesContents = values.map { Data($0.utf8) }
      }
    }
  }
}

extension OipDatatype {
  /// The typed contents that its values are in; nil: it has raw ones only.
  var contentsField: String? {
    switch self {
    case .bool: "bool_contents"
    case .uint8, .uint16, .uint32: "uint_contents"
    case .uint64: "uint64_contents"
    case .int8, .int16, .int32: "int_contents"
    case .int64: "int64_contents"
    case .fp32: "fp32_contents"
    case .fp64: "fp64_contents"
    case .bytes: "bytes_contents"
    case .fp16, .bf16: nil
    }
  }
}

extension Inference_InferTensorContents {
  /// Values in all fields.
  var valueCount: Int {
    let ofIntegers = intContents.count + int64Contents.count + uintContents.count + uint64Contents.count
    return ofIntegers + boolContents.count + fp32Contents.count + fp64Contents.count + bytesContents.count
  }

  /// Names of the fields that have values.
  var filled: [String] {
    let isEmpty: KeyValuePairs = [
      "bool_contents": boolContents.isEmpty, "int_contents": intContents.isEmpty,
      "int64_contents": int64Contents.isEmpty, "uint_contents": uintContents.isEmpty,
      "uint64_contents": uint64Contents.isEmpty, "fp32_contents": fp32Contents.isEmpty,
      "fp64_contents": fp64Contents.isEmpty, "bytes_contents": bytesContents.isEmpty,
    ]
    return isEmpty.filter { !$0.value }.map(\.key)
  }
}

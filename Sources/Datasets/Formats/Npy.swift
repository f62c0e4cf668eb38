import DitherBasics
import DitherTensor
import Foundation

/// NumPy's array files, versions 1 to 3: C order, little-endian, numbers and booleans.
/// Source: numpy/lib/format.py's description of the format (NEP 1).
public struct Npy: Sendable, Equatable {
  /// The elements in C order, by the type that holds them.
  public enum Content: Sendable, Equatable {
    case float32([Float])
    case float64([Double])
    case int64([Int64])
    /// The signed and narrow integer types, widened.
    case int32([Int32])
    case uint8([UInt8])
    case bool([Bool])
  }
  public var shape: Shape
  /// As many elements as the shape has.
  public var content: Content

  public init(_ shape: Shape, _ content: Content) {
    self.shape = shape
    self.content = content
  }
  public init(_ tensor: Tensor) { self.init(tensor.shape, .float32(tensor.elements)) }

  /// As many elements as a file may hold.
  private static let limit = 1 << 31

  /// - Parameter place: of the file, for errors.
  /// - Throws: when the header is not NumPy's, the type is not one of these, or the data do not fit the shape.
  public init(_ bytes: [UInt8], at place: String = ".npy file") throws(DatasetError) {
    let place = place.clipped()
    func refuse(_ code: DatasetFault, _ expected: String, _ got: String) -> DatasetError {
      DatasetError(code, at: place, expected: expected, got: got)
    }
    guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw refuse(.malformed, "NumPy's magic number", "\(bytes.count) bytes that begin otherwise")
    }
    guard (1...3).contains(bytes[6]) else { throw refuse(.unsupported, "version 1 to 3", "\(bytes[6])") }
    let wide = bytes[6] >= 2
    guard bytes.count >= 12 else { throw refuse(.truncated, "a header", "a file of \(bytes.count) bytes") }
    let length = wide ? (8..<12).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) } : Int(bytes[8]) | Int(bytes[9]) << 8
    let start = (wide ? 12 : 10) + length
    guard length <= 1 << 16, start <= bytes.count else {
      throw refuse(.truncated, "a header of \(length) bytes", "a file of \(bytes.count)")
    }
    let header = String(decoding: bytes[(wide ? 12 : 10)..<start], as: UTF8.self)
    if let negative = header.firstMatch(of: /'shape':\s*\([0-9, ]*(-[0-9]+)/)?.1 {
      throw refuse(.malformed, "extents of 0 or more in 'shape'", String(negative).clipped())
    }
    guard let type = header.firstMatch(of: /'descr':\s*('[^']*'|\[)/)?.1,
      let order = header.firstMatch(of: /'fortran_order':\s*(True|False)/)?.1,
      let extents = header.firstMatch(of: /'shape':\s*\(([0-9, ]*)\)/)?.1
    else { throw refuse(.malformed, "a header with descr, fortran_order and shape", header.clipped()) }
    let dimensions = extents.split(whereSeparator: { $0 == "," || $0 == " " }).map { Int($0) }
    let shape = Shape(dimensions.compactMap { $0 })
    guard shape.rank == dimensions.count, shape.rank <= 8, let count = shape.checkedCount, count <= Self.limit else {
      throw refuse(.tooLarge, "at most 8 axes and \(Self.limit) elements", "(\(String(extents).clipped()))")
    }
    guard order == "False" || shape.rank <= 1 else {
      throw DatasetError(
        .unsupported, at: place, expected: "C order", got: "Fortran order",
        advice: "save numpy.ascontiguousarray(x)")
    }
    func values<T: BitwiseCopyable>(_: T.Type) throws(DatasetError) -> [T] {
      let size = count * MemoryLayout<T>.size
      guard bytes.count - start == size else {
        throw refuse(.truncated, "\(size) bytes of data for \(shape)", "\(bytes.count - start)")
      }
      return [T](unsafeUninitializedCapacity: count) { buffer, filled in
        bytes.withUnsafeBytes { from in
          UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: from[start...]))
        }
        filled = count
      }
    }
    self.shape = shape
    switch type {
    case "'<f4'": content = .float32(try values(Float.self))
    case "'<f8'":
      content = .float64(try Self.checkedForFloats(values(Double.self), at: place))
    case "'<i8'": content = .int64(try values(Int64.self))
    case "'<i4'": content = .int32(try values(Int32.self))
    case "'<i2'": content = .int32(try values(Int16.self).map(Int32.init))
    case "'|i1'": content = .int32(try values(Int8.self).map(Int32.init))
    case "'|u1'": content = .uint8(try values(UInt8.self))
    case "'|b1'": content = .bool(try values(UInt8.self).map { $0 != 0 })
    case "'|O'":
      throw DatasetError(
        .unsupported, at: place, expected: "numbers", got: "pickled objects", advice: "save x.astype(float)")
    default:
      throw refuse(
        .unsupported, "little-endian f4, f8, i8, i4, i2, i1, u1 or b1",
        type == "[" ? "a record of fields" : String(type).clipped())
    }
  }

  /// - Throws: where a number is finite and too large for fp32, in which all is computed.
  private static func checkedForFloats(_ numbers: [Double], at place: String) throws(DatasetError) -> [Double] {
    guard let index = numbers.firstIndex(where: { $0.isFinite && !Float($0).isFinite }) else { return numbers }
    throw DatasetError(
      .unsupported, at: place, expected: "numbers up to \(Float.greatestFiniteMagnitude), as fp32 holds them",
      got: "\(numbers[index]) at element \(index)")
  }

  public var bytes: [UInt8] {
    let type: String, data: [UInt8]
    func raw<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
    switch content {
    case .float32(let values): (type, data) = ("<f4", raw(values))
    case .float64(let values): (type, data) = ("<f8", raw(values))
    case .int64(let values): (type, data) = ("<i8", raw(values))
    case .int32(let values): (type, data) = ("<i4", raw(values))
    case .uint8(let values): (type, data) = ("|u1", values)
    case .bool(let values): (type, data) = ("|b1", values.map { $0 ? 1 : 0 })
    }
    let extents = shape.dimensions.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
    // Data begin at a multiple of 64.
    header += String(repeating: " ", count: (64 - (11 + header.utf8.count) % 64) % 64) + "\n"
    let length = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8) + data
  }

  /// Whether its type is one of whole numbers.
  public var isWhole: Bool {
    switch content {
    case .float32, .float64: false
    case .int64, .int32, .uint8, .bool: true
    }
  }
  /// The numbers as fp32.
  public var tensor: Tensor { Tensor(shape, doubles?.map(Float.init) ?? floats) }
  private var floats: [Float] { if case .float32(let values) = content { values } else { [] } }
  private var doubles: [Double]? {
    switch content {
    case .float32: nil
    case .float64(let values): values
    case .int64(let values): values.map(Double.init)
    case .int32(let values): values.map(Double.init)
    case .uint8(let values): values.map(Double.init)
    case .bool(let values): values.map { $0 ? 1 : 0 }
    }
  }
  /// The numbers in double precision.
  public var numbers: [Double] { doubles ?? floats.map(Double.init) }

  /// The numbers as integers.
  /// - Throws: when they are not whole.
  public func integers() throws(DatasetError) -> [Int] {
    let numbers = numbers
    guard numbers.allSatisfy({ $0.isFinite && $0.rounded() == $0 && abs($0) < 1e15 }) else {
      throw DatasetError(.unsupported, at: ".npy file", expected: "whole numbers", got: "fractions, NaN or infinities")
    }
    return numbers.map(Int.init)
  }
}

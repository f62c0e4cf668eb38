import DitherBasics
import DitherTensor

/// MNIST's files: a magic number with type and rank, big-endian extents, unsigned bytes.
/// Source: Y. LeCun's page "The MNIST database of handwritten digits".
public struct Idx: Sendable, Equatable {
  public let shape: Shape
  public let bytes: [UInt8]

  public init(_ file: [UInt8], at place: String) throws(DatasetError) {
    guard file.count >= 4, file[0] == 0, file[1] == 0, file[2] == 0x08, (1...4).contains(file[3]) else {
      throw DatasetError(
        .malformed, at: place, expected: "the IDX magic number of unsigned bytes, rank 1 to 4",
        got: file.isEmpty ? "no bytes" : file.prefix(4).map { String($0) }.joined(separator: " "))
    }
    let rank = Int(file[3]), start = 4 + 4 * rank
    guard file.count >= start else {
      throw DatasetError(.truncated, at: place, expected: "\(rank) extents", got: "\(file.count) bytes")
    }
    let shape = Shape((0..<rank).map { axis in (0..<4).reduce(0) { $0 << 8 | Int(file[4 + 4 * axis + $1]) } })
    guard let count = shape.checkedCount, file.count - start == count else {
      throw DatasetError(.truncated, at: place, expected: "data for \(shape)", got: "\(file.count - start) bytes")
    }
    self.shape = shape
    bytes = Array(file[start...])
  }
}

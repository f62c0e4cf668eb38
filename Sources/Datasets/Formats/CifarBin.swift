import DitherBasics

/// CIFAR-10's binary files: records of a label byte and 3 · 32 · 32 bytes, R, G and B planes.
/// Source: A. Krizhevsky's page "The CIFAR-10 dataset", binary version.
public struct CifarBin: Sendable, Equatable {
  /// Bytes of one picture.
  public static let pixels = 3 * 32 * 32
  /// A class for each picture, from 0.
  public let labels: [Int]
  public let bytes: [UInt8]

  public init(_ file: [UInt8], at place: String, classes: Int = 10) throws(DatasetError) {
    let record = Self.pixels + 1
    guard !file.isEmpty, file.count % record == 0 else {
      throw DatasetError(
        .truncated, at: place, expected: "records of \(record) bytes",
        got: "\(file.count) bytes, \(file.count % record) over")
    }
    var labels: [Int] = [], bytes: [UInt8] = []
    bytes.reserveCapacity(file.count)
    for start in stride(from: 0, to: file.count, by: record) {
      guard file[start] < classes else {
        throw DatasetError(
          .malformed, at: "\(place), record \(start / record)", expected: "a label below \(classes)",
          got: "\(file[start])")
      }
      labels.append(Int(file[start]))
      bytes += file[start + 1..<start + record]
    }
    self.labels = labels
    self.bytes = bytes
  }
}

import DitherBasics
import Foundation

/// The epochs of a run as TensorBoard reads them: numbers of the log, and histograms of the parameters, each at the
/// number of its epoch.
///
/// A file is a sequence of TFRecords, each an `Event`. A run that is gone on with has a file for each sitting, of which
/// a later one takes the place of an earlier one's epochs. Source: tensorflow/core/util/event.proto,
/// tensorflow/core/framework/summary.proto, tensorflow/core/lib/io/record_writer.cc.
struct EventFile {
  private let handle: FileHandle
  private let path: String

  /// - Parameters:
  ///   - epoch: those that are behind the run; what other files have of later ones is void.
  ///   - time: in seconds since 1970.
  init(in folder: String, after epoch: Int, time: Double = Date().timeIntervalSince1970) throws(TrainError) {
    let name = "events.out.tfevents.\(String(format: "%010d", Int(time))).dither"
    var path = "\(folder)/\(name)", number = 1
    // Two sittings in a second.
    while FileManager.default.fileExists(atPath: path) {
      path = "\(folder)/\(name).\(number)"
      number += 1
    }
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path)
    else { throw TrainError(.output, at: path, expected: "a file that can be written", got: "none") }
    (self.handle, self.path) = (handle, path)
    var version = ProtoBytes()
    version.double(1, time)
    version.text(3, "brain.Event:2")
    try write(version)
    guard epoch > 0 else { return }
    var start = ProtoBytes(), session = ProtoBytes()
    session.varint(1, 1)  // START
    start.double(1, time)
    start.varint(2, epoch + 1)
    start.message(7, session.bytes)
    try write(start)
  }

  func append(
    _ record: EpochRecord, _ histograms: [(name: String, histogram: Histogram)],
    time: Double = Date().timeIntervalSince1970
  ) throws(TrainError) {
    var summary = ProtoBytes()
    for (name, value) in record.columns where name != "epoch" {
      guard let value else { continue }
      var scalar = ProtoBytes()
      scalar.text(1, name)
      scalar.float(2, Float(value))
      summary.message(1, scalar.bytes)
    }
    for (name, histogram) in histograms {
      var value = ProtoBytes()
      value.text(1, "parameters/" + name)
      value.message(5, Self.message(histogram))
      summary.message(1, value.bytes)
    }
    var event = ProtoBytes()
    event.double(1, time)
    event.varint(2, record.epoch)
    event.message(5, summary.bytes)
    try write(event)
  }

  private static func message(_ histogram: Histogram) -> [UInt8] {
    var message = ProtoBytes()
    message.double(1, histogram.least)
    message.double(2, histogram.most)
    message.double(3, Double(histogram.count))
    message.double(4, histogram.sum)
    message.double(5, histogram.squares)
    message.doubles(6, histogram.limits)
    message.doubles(7, histogram.counts)
    return message.bytes
  }

  /// The length with its check, the event with its check.
  static func framed(_ event: [UInt8]) -> [UInt8] {
    var record = ProtoBytes()
    record.append(littleEndian: UInt64(event.count))
    let length = record.bytes
    record.append(littleEndian: Crc32c.masked(length))
    var check = ProtoBytes()
    check.append(littleEndian: Crc32c.masked(event))
    return record.bytes + event + check.bytes
  }

  private func write(_ event: ProtoBytes) throws(TrainError) {
    do { try handle.write(contentsOf: Data(Self.framed(event.bytes))) } catch {
      throw TrainError(.output, at: path, expected: "a file that can be written", got: error.localizedDescription)
    }
  }
}

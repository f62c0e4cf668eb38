import DitherBasics
import DitherProto
import DitherTransport
import Foundation
import NIOCore
import Synchronization

/// A file with a line of JSON for every call that is over, whatever became of it. Lines are written by a thread of
/// their own: no call waits for the disk, and what the disk does not take in time is lost and counted. A file that was
/// moved away is made anew, so that any program may rotate it.
package final class AccessLog: Sendable {
  private struct Place {
    var descriptor: Int32 = -1
    var inode: UInt64 = 0
    var looked: ContinuousClock.Instant?
  }
  /// Between two looks at whether the file is still there.
  private static let patience = Duration.seconds(1)

  private let path: String
  private let queue = LogQueue()
  private let place = Mutex(Place())
  private let failed = Atomic<UInt64>(0)
  private let written = Atomic<UInt64>(0)

  /// - Throws: `ServiceFault.configuration` where the file cannot be opened.
  package init(path: String) throws(ServiceError) {
    self.path = path
    let opened = place.withLock { Self.reopen(path, &$0) }
    guard opened else {
      throw ServiceError(
        .configuration, at: "access log '\(path)'", expected: "a file that can be written",
        got: String(cString: strerror(errno)))
    }
  }

  deinit { place.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

  /// Lines that were written, and that were not.
  package var counts: (written: UInt64, lost: UInt64) {
    (written.load(ordering: .relaxed), failed.load(ordering: .relaxed))
  }

  /// The facts of a call that a line has: its metadata may be large, and does not wait for the disk.
  private struct Facts: Sendable {
    var time = Date()
    var call: UInt64
    var door: String
    var method: String
    var code: StatusCode
    var caller: String
    var peer: String
    var nanoseconds: Int64
    var requestBytes: Int
    var responseBytes: Int
    var trace: TraceParent?

    init(_ record: CallRecord, _ trace: TraceParent?) {
      let context = record.context
      (call, door, method, peer) = (context.id, context.door, context.method, context.peer)
      (code, caller, nanoseconds) = (record.code, context.identity?.name ?? "", record.duration.nanoseconds)
      (requestBytes, responseBytes, self.trace) = (record.requestBytes, record.responseBytes, trace)
    }
  }

  func write(_ record: CallRecord, _ trace: TraceParent?) {
    let facts = Facts(record, trace)
    queue.add(
      { [weak self] in self?.append(Self.line(facts)) },
      report: { [weak self] lost in
        guard let self else { return }
        failed.wrappingAdd(UInt64(lost), ordering: .relaxed)
      })
  }

  /// Waits for lines that are on their way, for a moment.
  package func finish() async { _ = await queue.finish(within: .seconds(1)) }

  /// On the queue's thread.
  private func append(_ line: String) {
    let isWritten = place.withLock { place -> Bool in
      let now = ContinuousClock.now
      if place.looked.map({ now - $0 > Self.patience }) ?? true {
        place.looked = now
        if Self.inode(of: path) != place.inode { _ = Self.reopen(path, &place) }
      }
      guard place.descriptor >= 0 else { return false }
      // A line goes whole or not at all, unless the disk is full in its middle.
      let bytes = Array((line + "\n").utf8)
      return Foundation.write(place.descriptor, bytes, bytes.count) == bytes.count
    }
    if isWritten { written.wrappingAdd(1, ordering: .relaxed) } else { failed.wrappingAdd(1, ordering: .relaxed) }
  }

  private static func reopen(_ path: String, _ place: inout Place) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { return false }
    if place.descriptor >= 0 { close(place.descriptor) }
    var facts = stat()
    place.inode = fstat(descriptor, &facts) == 0 ? UInt64(facts.st_ino) : 0
    place.descriptor = descriptor
    return true
  }

  private static func inode(of path: String) -> UInt64? {
    var facts = stat()
    return stat(path, &facts) == 0 ? UInt64(facts.st_ino) : nil
  }

  private static func line(_ facts: Facts) -> String {
    var members = [
      ("time", text(facts.time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))),
      ("call", "\(facts.call)"), ("door", text(facts.door)), ("method", text(facts.method)),
      ("code", text("\(facts.code)")), ("caller", text(facts.caller)), ("peer", text(facts.peer)),
      ("ms", "\(Double(facts.nanoseconds / 1000) / 1000)"),
      ("request_bytes", "\(facts.requestBytes)"), ("response_bytes", "\(facts.responseBytes)"),
    ]
    if let trace = facts.trace { members += [("trace", text(trace.traceID)), ("span", text(trace.spanID))] }
    return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }

  /// As JSON has it; most texts need no more than quotes, and an encoder takes longer than all the rest.
  private static func text(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
    return isPlain ? "\"\(value)\"" : jsonText(value)
  }
}

extension AccessLog {
  /// Metrics of its lines.
  var families: [Metrics.Family] {
    func counter(_ name: String, _ help: String, _ value: @escaping @Sendable (AccessLog) -> UInt64) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: "counter") { [.init(number: Double(value(self)))] }
    }
    return [
      counter("dither_access_log_lines_total", "Lines of the access log that were written.") { $0.counts.written },
      counter("dither_access_log_lost_total", "Lines of the access log that were lost.") { $0.counts.lost },
    ]
  }
}

/// Bytes of a stream that have come, however they were split, until they are taken as whole messages.
struct ByteQueue: Sendable {
  private var buffer: [UInt8] = []
  private var at = 0

  /// Memory above this is given back when nothing waits in it.
  private static let kept = 1 << 16

  /// Bytes that wait.
  var count: Int { buffer.count - at }
  /// Bytes of memory.
  var capacity: Int { buffer.capacity }
  /// By its place among those that wait, from 0.
  subscript(place: Int) -> UInt8 { buffer[at + place] }
  subscript(places: Range<Int>) -> ArraySlice<UInt8> {
    buffer[at + places.lowerBound..<at + places.upperBound]
  }

  mutating func append(_ bytes: some Sequence<UInt8>) {
    if at > Self.kept {
      buffer.removeFirst(at)
      at = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// A message of so many bytes is coming. Memory for it grows in few steps, each sixteen times what has come at most,
  /// so that nobody who only announces a message gets memory for it.
  mutating func expect(_ bytes: Int) {
    guard count >= Self.kept, buffer.capacity < at + bytes, buffer.capacity - buffer.count < Self.kept else { return }
    buffer.reserveCapacity(at + min(bytes, 16 * count))
  }

  /// The first bytes are done with.
  mutating func drop(_ bytes: Int) {
    at += bytes
    guard at == buffer.count else { return }
    buffer.removeAll(keepingCapacity: buffer.capacity <= Self.kept)
    at = 0
  }

  /// All of it is done with.
  mutating func clear() { self = ByteQueue() }
}

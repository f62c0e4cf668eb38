import DitherProto
import Foundation
import NIOCore

/// How often callers that nobody knows have tried, by the network that they come from: each has a bucket of tries that
/// fills again. No clock or lock.
package struct Strangers {
  /// Networks that are remembered; those beyond share one bucket.
  package static let mostNetworks = 4096

  private let burst: Double, perSecond: Double
  private var buckets: [String: TokenBucket] = [:]

  /// - Parameters:
  ///   - burst: tries that a bucket holds.
  ///   - perSecond: tries that come back.
  package init(burst: Int, perSecond: Double) {
    self.burst = Double(burst)
    self.perSecond = perSecond
  }

  /// Counts a try that has failed.
  /// - Returns: nil where the network had a try left; else the milliseconds to its next one.
  package mutating func fail(from network: String, at now: NIODeadline) -> Int? {
    var key = network
    if buckets[key] == nil, buckets.count >= Self.mostNetworks {
      buckets = buckets.filter { !$0.value.isFull(at: now) }
      if buckets.count >= Self.mostNetworks { key = "" }
    }
    return buckets[key, default: TokenBucket(burst: burst, perSecond: perSecond, at: now)].take(1, at: now)
  }
}

/// Keeps in mind what the calls of one connection have shown of their callers.
struct Acquaintance {
  /// Strangers of one connection that are told to wait; the next one ends it.
  static let patience = 16

  /// A caller on this connection was known.
  private(set) var isKnown = false
  private var refusals = 0

  /// How long its connection may be without a call.
  func patience(_ limits: CallDispatcher.Limits) -> TimeAmount {
    TimeAmount(isKnown ? limits.idlePatience : limits.strangerPatience)
  }

  /// - Returns: whether nothing else is to be expected of this connection: it is to be ended.
  mutating func meet(_ call: ServerCall) -> Bool {
    isKnown = isKnown || call.isIdentified
    guard call.isFromTiresomeStranger else { return false }
    refusals += 1
    return refusals > Self.patience && !isKnown
  }

  /// Told to the client of a connection that is ended so.
  static let farewell = CallError(
    .resourceExhausted, "too many calls of unknown callers: connect anew later",
    details: [.retry(afterMilliseconds: 1000)])
}

extension SocketAddress {
  /// The part of it that strangers and connections are counted by: an IPv4 address, or the first 64 bits of an IPv6
  /// one, which one host may have all to itself.
  package var network: String {
    guard case .v6 = self, let text = ipAddress else { return ipAddress ?? "" }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard bytes.withUnsafeMutableBytes({ inet_pton(AF_INET6, text, $0.baseAddress) }) == 1 else { return text }
    // An IPv4 address in an IPv6 one.
    if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
      return bytes[12...].map { "\($0)" }.joined(separator: ".")
    }
    // This machine is one network, and not that of whoever else has a zero there.
    if bytes.dropLast().allSatisfy({ $0 == 0 }) { return "::\(bytes[15])" }
    return (0..<4).map { String(Int(bytes[2 * $0]) << 8 | Int(bytes[2 * $0 + 1]), radix: 16) }.joined(separator: ":")
  }
}

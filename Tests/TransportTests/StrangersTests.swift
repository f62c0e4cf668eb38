import DitherTransport
import NIOCore
import Testing

@Suite("Tries of strangers") struct StrangersTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test("a network has its tries, they come back, and other networks have their own") func buckets() {
    var strangers = Strangers(burst: 3, perSecond: 2)
    for _ in 0..<3 { #expect(strangers.fail(from: "10.0.0.1", at: start) == nil) }
    #expect(strangers.fail(from: "10.0.0.1", at: start) == 500)
    #expect(strangers.fail(from: "10.0.0.2", at: start) == nil)
    #expect(strangers.fail(from: "10.0.0.1", at: start + .milliseconds(250)) == 250)
    #expect(strangers.fail(from: "10.0.0.1", at: start + .milliseconds(500)) == nil)
    #expect(strangers.fail(from: "10.0.0.1", at: start + .milliseconds(500)) == 500)
    // Never more than the bucket holds.
    for _ in 0..<3 { #expect(strangers.fail(from: "10.0.0.1", at: start + .hours(1)) == nil) }
    #expect(strangers.fail(from: "10.0.0.1", at: start + .hours(1)) == 500)
  }

  @Test("many networks take no more memory than a few thousand") func bounded() {
    var strangers = Strangers(burst: 2, perSecond: 1)
    for number in 0..<Strangers.mostNetworks { #expect(strangers.fail(from: "\(number)", at: start) == nil) }
    // Those beyond share a bucket.
    #expect(strangers.fail(from: "a", at: start) == nil && strangers.fail(from: "b", at: start) == nil)
    #expect(strangers.fail(from: "c", at: start) != nil)
    #expect(strangers.fail(from: "7", at: start) == nil && strangers.fail(from: "7", at: start) != nil)
    // Who has tried nothing for a while is forgotten.
    #expect(strangers.fail(from: "d", at: start + .seconds(5)) == nil)
  }

  @Test(
    "a network is an IPv4 address, or half of an IPv6 one",
    arguments: [
      ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("::1", "::1"),
      ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"), ("2001:db8:1:2::9", "2001:db8:1:2"),
      ("2001:db8:1:3::9", "2001:db8:1:3"),
    ]) func networks(_ row: (address: String, network: String)) throws
  {
    #expect(try SocketAddress(ipAddress: row.address, port: 1).network == row.network)
  }
}

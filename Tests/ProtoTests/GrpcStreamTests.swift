import DitherProto
import Foundation
import Testing

@Suite("gRPC's framing, without a socket")
struct GrpcStreamTests {
  private static let head: [(name: String, value: String)] = [
    (":method", "POST"), (":path", "/toy/Echo"), (":scheme", "http"), ("content-type", "application/grpc"),
    ("authorization", "Bearer app"),
  ]

  private static func frame(_ payload: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    [flag] + withUnsafeBytes(of: UInt32(payload.count).bigEndian, Array.init) + payload
  }

  private func all(_ stream: inout GrpcStream) -> [GrpcStream.Action] {
    var actions: [GrpcStream.Action] = []
    while let action = stream.next() {
      actions.append(action)
      if case .refuse = action { _ = stream.finish() }
    }
    return actions
  }

  private func opened(messageBytes: Int = 1000) -> GrpcStream {
    var stream = GrpcStream(messageBytes: messageBytes)
    #expect(
      stream.receive(headers: Self.head, endStream: false)
        == .open(
          GrpcRequest(
            method: "toy/Echo",
            metadata: ["content-type": "application/grpc", "authorization": "Bearer app"], timeout: nil)))
    return stream
  }

  @Test("messages are the same wherever their bytes are cut")
  func everySplit() {
    let messages: [[UInt8]] = [[1, 2, 3], [], [UInt8](0..<50), [9]], bytes = messages.flatMap { Self.frame($0) }
    let expected = messages.map { GrpcStream.Action.message(Data($0)) } + [.halfClose]
    for first in 0...bytes.count {
      for second in stride(from: first, through: bytes.count, by: 7) {
        var stream = opened(), actions: [GrpcStream.Action] = []
        for (piece, isLast) in [(bytes[..<first], false), (bytes[first..<second], false), (bytes[second...], true)] {
          stream.receive(piece, endStream: isLast)
          actions += all(&stream)
        }
        #expect(actions == expected, "cut at \(first) and \(second)")
      }
    }
    var stream = opened(), actions: [GrpcStream.Action] = []
    for byte in bytes {
      stream.receive([byte], endStream: false)
      actions += all(&stream)
    }
    stream.receive([], endStream: true)
    #expect(actions + all(&stream) == expected)
    #expect(stream.pendingBytes == 0)
  }

  @Test("a message above the limit is refused by its prefix alone; one at the limit is taken")
  func limit() {
    var stream = opened(messageBytes: 10)
    stream.receive(Self.frame([UInt8](repeating: 1, count: 10)) + [0, 0, 0, 0, 11], endStream: false)
    let actions = all(&stream)
    #expect(actions.first == .message(Data(repeating: 1, count: 10)))
    guard case .refuse(let error)? = actions.last else {
      Issue.record("it was taken: \(actions)")
      return
    }
    #expect(error.code == .resourceExhausted)
    #expect(stream.isOver && stream.finish() == nil && stream.message() == nil)
  }

  @Test(
    "what is no message is refused",
    arguments: [
      (Self.frame([1], flag: 1), StatusCode.unimplemented), ([0, 0, 0], .invalidArgument),
      ([0, 0, 0, 0, 5, 1, 2], .invalidArgument), ([0, 0xFF, 0xFF, 0xFF, 0xFF], .resourceExhausted),
    ])
  func malformed(_ bytes: [UInt8], _ code: StatusCode) {
    var stream = opened()
    stream.receive(bytes, endStream: true)
    guard case .refuse(let error)? = all(&stream).last else {
      Issue.record("it was taken")
      return
    }
    #expect(error.code == code)
  }

  @Test("the answer's headers go once, and its end says what is left to tell")
  func answers() {
    var stream = opened()
    #expect(stream.message()?.isFirst == true)
    #expect(stream.message()?.isFirst == false)
    #expect(stream.finish() == GrpcStream.End(isAlone: false, resets: true))
    #expect(stream.finish() == nil)
    var alone = opened()
    alone.receive([], endStream: true)
    #expect(all(&alone) == [.halfClose])
    #expect(alone.finish() == GrpcStream.End(isAlone: true, resets: false))
  }

  @Test("what is not gRPC gets HTTP's status")
  func http() {
    var get = GrpcStream(messageBytes: 10)
    #expect(get.receive(headers: [(name: ":method", value: "GET")], endStream: true) == .http(405))
    #expect(get.next() == nil && get.finish() == nil)
    var json = GrpcStream(messageBytes: 10)
    #expect(
      json.receive(
        headers: [(name: ":method", value: "POST"), (name: "content-type", value: "application/json")],
        endStream: false) == .http(415)
    )
  }

  @Test("metadata above the limit, and compression, refuse their call")
  func refused() {
    for (name, value, code) in [
      ("x", String(repeating: "x", count: 17_000), StatusCode.resourceExhausted),
      ("grpc-encoding", "deflate", .unimplemented), ("grpc-timeout", "soon", .invalidArgument),
    ] {
      guard case .refused(let error) = GrpcRequest.read(Self.head + [(name: name, value: value)]) else {
        Issue.record("\(name) was taken")
        continue
      }
      #expect(error.code == code)
    }
  }

  @Test(
    "only gRPC with protobuf messages is gRPC here",
    arguments: [
      ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc; charset=utf-8", true),
      ("Application/gRPC+proto;a=b", true), ("application/grpc-web", false), ("application/grpc-web+proto", false),
      ("application/grpc+json", false), ("application/grpcx", false), ("", false),
    ])
  func contentTypes(_ kind: String, _ isTaken: Bool) {
    let head = [
      (name: ":method", value: "POST"), (name: ":path", value: "/a.B/C"), (name: "content-type", value: kind),
    ]
    if case .call = GrpcRequest.read(head) { #expect(isTaken) } else { #expect(!isTaken) }
    #expect(isTaken || GrpcRequest.read(head) == .http(415))
  }

  @Test("names that are repeated are joined")
  func repeated() {
    guard case .call(let request) = GrpcRequest.read(Self.head + [(name: "x", value: "1"), (name: "x", value: "2")])
    else {
      Issue.record("it was refused")
      return
    }
    #expect(request.metadata["x"] == "1,2")
  }

  @Test(
    "grpc-timeout",
    arguments: [
      ("1H", .seconds(3600)), ("2M", .seconds(120)), ("99999999S", .seconds(99_999_999)), ("100m", .milliseconds(100)),
      ("7u", .microseconds(7)), ("0n", .zero), ("", nil), ("5", nil), ("m", nil), ("-1m", nil), ("+1m", nil),
      ("123456789m", nil), ("1x", nil), ("1 m", nil), ("٣m", nil),
    ] as [(String, Duration?)])
  func timeouts(_ text: String, _ expected: Duration?) {
    #expect(GrpcRequest.timeout(text) == expected)
  }

  @Test("random bytes never break it", arguments: 0..<100)
  func anything(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed)), stream = opened(messageBytes: 64), ends = 0
    for _ in 0..<50 {
      let bytes = (0..<random.next() % 40).map { _ in UInt8(truncatingIfNeeded: random.next() % 4) }
      stream.receive(bytes, endStream: random.next() % 20 == 0)
      for action in all(&stream) { if case .message = action { #expect(ends == 0) } else { ends += 1 } }
    }
    #expect(ends <= 2)
  }
}

import DitherProto
import DitherTensor
import Foundation
import SwiftProtobuf
import Testing

@Suite("The server's side of a connection")
struct ServerConnectionTests {
  private typealias Frame = Dither_V1_Frame

  private static func open(_ id: UInt32, end: Bool = false, first: Data? = nil) -> Frame {
    .with {
      $0.open.call = id
      $0.open.method = "m"
      $0.open.end = end
      if let first { $0.open.first = first }
    }
  }
  private static func message(_ id: UInt32, _ bytes: Int, end: Bool = false) -> Frame {
    .with {
      $0.message.call = id
      $0.message.payload = Data(count: bytes)
      $0.message.end = end
    }
  }
  private static func cancel(_ id: UInt32) -> Frame { .with { $0.cancel.call = id } }
  private static func halfClose(_ id: UInt32) -> Frame { .with { $0.end.call = id } }

  private func connection(_ change: (inout WireLimits) -> Void = { _ in }, credit: UInt32 = 100) -> ServerConnection {
    var limits = WireLimits()
    change(&limits)
    var connection = ServerConnection(limits)
    var hello = WireLimits().hello
    hello.hello.initialCreditBytes = credit
    #expect(connection.receive(hello).isEmpty)
    return connection
  }

  /// The code of the End or GoAway that is sent.
  private func code(_ actions: [ServerConnection.Action]) -> StatusCode? {
    for case .send(let frame) in actions {
      switch frame.kind {
      case .end(let end): return StatusCode(rawValue: end.status.code)
      case .goAway(let goAway): return StatusCode(rawValue: goAway.status.code)
      default: continue
      }
    }
    return nil
  }

  @Test("a unary call is one frame each way")
  func unary() {
    var connection = connection()
    let actions = connection.receive(Self.open(3, end: true, first: Data([1])))
    #expect(
      actions == [
        .open(call: 3, method: "m", timeoutMicroseconds: 0, metadata: [:]), .message(call: 3, Data([1])),
        .halfClose(call: 3),
      ])
    let end = connection.end(3, nil, last: Data([2]))
    #expect(end?.end.last == Data([2]) && end?.end.status.code == 0)
    #expect(connection.end(3, nil, last: nil) == nil && connection.openCalls == 0)
  }

  @Test("what a client does wrong in a call ends that call")
  func callErrors() {
    let rows: [([Frame], StatusCode)] = [
      ([Self.open(1, end: true), Self.message(1, 1)], .invalidArgument),
      ([Self.open(1, end: true), Self.halfClose(1)], .invalidArgument),
      ([Self.open(1), Self.message(1, 60, end: true), Self.message(1, 1)], .invalidArgument),
      ([Self.open(1), Self.message(1, 60), Self.message(1, 60), Self.message(1, 1)], .resourceExhausted),
      ([Self.open(1), Self.cancel(1)], .cancelled),
      ([Self.open(1), .with { $0.credit.call = 1 }], .invalidArgument),
      ([Self.open(1), .credit(1, Int(UInt32.max))], .invalidArgument),
      ([Self.message(5, 1)], .invalidArgument),
    ]
    for (frames, expected) in rows {
      var connection = connection { $0.initialCreditBytes = 100 }
      let actions = frames.map { connection.receive($0) }
      #expect(code(actions.last ?? []) == expected)
      #expect(connection.openCalls == 0)
      // The connection goes on.
      #expect(connection.receive(Self.open(9)).count == 1)
    }
  }

  @Test("frames that cross an end on the wire are not mistakes")
  func crossing() {
    var connection = connection()
    _ = connection.receive(Self.open(1))
    _ = connection.end(1, nil, last: nil)
    for frame in [Self.message(1, 5), Self.cancel(1), Self.halfClose(1), .credit(1, 5)] {
      #expect(connection.receive(frame).isEmpty)
    }
  }

  @Test("what loses the order of calls ends the connection")
  func connectionErrors() {
    for frames in [[Self.open(0)], [Self.open(2), Self.open(2)], [Self.open(2), Self.open(1)], [WireLimits().hello]] {
      var connection = connection()
      let actions = frames.map { connection.receive($0) }
      #expect(actions.last?.last == .close && code(actions.last ?? []) == .invalidArgument)
      #expect(connection.receive(Self.open(7)).isEmpty)
    }
  }

  @Test("past its bound of calls, a call is refused with a time to wait")
  func concurrency() {
    var connection = connection { $0.maxConcurrentCalls = 2 }
    for id in [1, 2] as [UInt32] { #expect(code(connection.receive(Self.open(id))) == nil) }
    #expect(code(connection.receive(Self.open(3))) == .resourceExhausted)
    _ = connection.end(1, nil, last: nil)
    #expect(code(connection.receive(Self.open(4))) == nil)
  }

  @Test("writing waits for credit, and credit is given back as bytes are taken")
  func credit() {
    var connection = connection(credit: 10)
    _ = connection.receive(Self.open(1))
    #expect(connection.mayWrite(1))
    #expect(connection.message(1, Data(count: 10)) != nil)
    #expect(!connection.mayWrite(1))
    #expect(connection.receive(.credit(1, 4)) == [.writable(call: 1)])
    #expect(connection.mayWrite(1))
    #expect(connection.consumed(1, 33)?.credit.bytes == 33)
    #expect(connection.consumed(1, 0) == nil)
  }

  @Test("a drain refuses what is new and lets what is open end")
  func drain() {
    var connection = connection()
    _ = connection.receive(Self.open(1))
    #expect(connection.drain()?.goAway.lastCall == 1)
    #expect(code(connection.receive(Self.open(2))) == .unavailable)
    #expect(connection.end(1, nil, last: Data([1])) != nil)
    #expect(connection.drain() == nil)
  }

  @Test("an answer larger than the client takes is an error, not a frame")
  func tooLarge() {
    var connection = ServerConnection(WireLimits()), hello = WireLimits().hello
    hello.hello.maxFrameBytes = UInt32(WireLimits.leastFrameBytes)
    _ = connection.receive(hello)
    _ = connection.receive(Self.open(1))
    #expect(connection.end(1, nil, last: Data(count: 5000))?.end.status.code == StatusCode.resourceExhausted.rawValue)
  }

  @Test("a client and a server of ours agree, whatever they do")
  func together() {
    var generator = PhiloxGenerator(seed: 8, stream: 0xC1)
    for _ in 0..<300 {
      var client = ClientConnection(WireLimits()), server = ServerConnection(WireLimits())
      var open: [UInt32] = [], ends = 0, begun = 0
      func take(_ actions: [ServerConnection.Action]) {
        for case .send(let frame) in actions {
          for case .end in client.receive(frame) { ends += 1 }
        }
      }
      _ = client.receive(server.limits.hello)
      take(server.receive(client.limits.hello))
      for _ in 0..<100 {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0 where client.room > 0:
          let (id, frame) = client.open("m", metadata: [:], timeoutMicroseconds: 0, first: nil, end: false)
          begun += 1
          open.append(id)
          take(server.receive(frame))
        case 1:
          guard let id = open.randomElement(using: &generator), client.mayWrite(id) else { break }
          client.message(id, Data(count: 100_000)).map { take(server.receive($0)) }
        case 2:
          guard let id = open.randomElement(using: &generator) else { break }
          server.consumed(id, 100_000).map { frame in _ = client.receive(frame) }
        case 3:
          guard let id = open.randomElement(using: &generator), server.mayWrite(id) else { break }
          server.message(id, Data(count: 1000)).map { frame in _ = client.receive(frame) }
        case 4:
          guard let id = open.popLast() else { break }
          server.end(id, nil, last: nil).map { frame in for case .end in client.receive(frame) { ends += 1 } }
        default:
          take(server.receive(.with { $0.ping.nonce = 1 }))
        }
      }
      #expect(ends + client.openCalls == begun && server.openCalls == client.openCalls)
    }
  }
}

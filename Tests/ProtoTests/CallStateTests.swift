import DitherProto
import Foundation
import Testing

@Suite("The state of a call")
struct CallStateTests {
  private func message(_ number: Int) -> Data { Data([UInt8(truncatingIfNeeded: number)]) }

  @Test(
    "calls that take one message run when it is whole, and not without it",
    arguments: [CallShape.unary, .serverStreaming])
  func single(_ shape: CallShape) {
    var state = CallState(shape, messageBytes: 10)
    #expect(state.open() == .none)
    #expect(state.receive(message(1)) == .none)
    #expect(state.halfClose() == .run(message(1)))
    #expect(state.halfClose() == .none)
    var empty = CallState(shape, messageBytes: 10)
    guard case .fail(let error) = empty.halfClose() else {
      Issue.record("a call ran without its message")
      return
    }
    #expect(error.code == .invalidArgument)
    var two = CallState(shape, messageBytes: 10)
    _ = two.receive(message(1))
    guard case .fail = two.receive(message(2)) else {
      Issue.record("a second message was taken")
      return
    }
  }

  @Test(
    "calls that take a stream run at once, and messages reach who waits",
    arguments: [CallShape.clientStreaming, .bidirectional])
  func stream(_ shape: CallShape) {
    var state = CallState(shape, messageBytes: 10)
    #expect(state.open() == .run(nil))
    #expect(state.take() == .wait)
    #expect(state.take() == .twice)
    #expect(state.receive(message(1)) == .deliver(message(1)))
    #expect(state.receive(message(2)) == .none)
    #expect(state.take() == .message(message(2)))
    #expect(state.take() == .wait)
    #expect(state.halfClose() == .deliver(nil))
    #expect(state.take() == .end)
    #expect(state.send(message(3), canWrite: true) == .write)
  }

  @Test("a message above the limit fails the call", arguments: CallShape.allCases)
  func limit(_ shape: CallShape) {
    var state = CallState(shape, messageBytes: 2)
    _ = state.open()
    guard case .fail(let error) = state.receive(Data(count: 3)) else {
      Issue.record("it was taken")
      return
    }
    #expect(error.code == .resourceExhausted)
  }

  @Test("empty messages cost no credit, and are bounded by their number")
  func emptyMessages() {
    var state = CallState(.bidirectional, messageBytes: 10)
    _ = state.open()
    for _ in 0..<CallState.mostQueued { #expect(state.receive(Data()) == .none) }
    guard case .fail(let error) = state.receive(Data()) else {
      Issue.record("one more was taken")
      return
    }
    #expect(error.code == .resourceExhausted)
  }

  @Test("an answer that cannot be written waits, one at a time, and goes when it can")
  func backpressure() {
    var state = CallState(.serverStreaming, messageBytes: 10)
    #expect(state.send(message(1), canWrite: false) == .wait)
    #expect(state.send(message(2), canWrite: true) == .twice)
    #expect(state.writable() == message(1))
    #expect(state.writable() == nil)
    #expect(state.responseBytes == 1)
    #expect(state.send(message(2), canWrite: true) == .write)
  }

  @Test("after the end nothing happens", arguments: CallShape.allCases)
  func end(_ shape: CallShape) {
    var state = CallState(shape, messageBytes: 10)
    _ = state.open()
    _ = state.send(message(9), canWrite: false)
    let first = state.finish(last: 4), second = state.finish()
    #expect(first && !second)
    #expect(state.responseBytes == 4)
    #expect(state.open() == .none && state.receive(message(1)) == .none && state.halfClose() == .none)
    #expect(state.take() == .over && state.send(message(1), canWrite: true) == .over && state.writable() == nil)
  }

  @Test(
    "whatever comes in whatever order, handlers run once and see the client's messages in order", arguments: 0..<200)
  func anything(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed)), sent = 0, seen: [UInt8] = [], runs = 0, isOver = false, waits = false
    let shape = CallShape.allCases[seed % 4]
    var state = CallState(shape, messageBytes: 4)
    func see(_ action: CallState.Action) {
      switch action {
      case .none: break
      case .run(let request):
        runs += 1
        #expect((request == nil) == state.takesStream)
      case .deliver(let message):
        #expect(waits)
        waits = false
        if let message { seen.append(message[0]) }
      case .fail:
        _ = state.finish()
        isOver = true
      }
      #expect(!isOver || state.isOver)
    }
    for _ in 0..<200 {
      switch random.next() % 16 {
      case 0: see(state.open())
      case 1 where random.next() % 8 == 0: see(state.halfClose())
      case 2 where random.next() % 16 == 0:
        _ = state.finish()
        isOver = true
      case 3..<9:
        see(state.receive(message(sent)))
        sent += 1
      default:
        guard state.takesStream else { continue }
        switch state.take() {
        case .message(let message): seen.append(message[0])
        case .wait: waits = true
        case .twice: #expect(waits)
        case .over: #expect(isOver)
        case .end: break
        }
      }
    }
    #expect(runs <= 1)
    #expect(seen.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: $0) })
  }
}

/// A small generator, so that a failing order can be had again.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

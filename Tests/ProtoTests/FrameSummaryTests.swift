import DitherProto
import Foundation
import Testing

/// The trace says what went over the wire, and never what was in it.
@Suite("Frames in the trace")
struct FrameSummaryTests {
  private static let secret = "s3cr3t"
  private static func frame(_ make: (inout Dither_V1_Frame) -> Void) -> Dither_V1_Frame {
    var frame = Dither_V1_Frame()
    make(&frame)
    return frame
  }

  private static let frames: [(Dither_V1_Frame, String)] = [
    (
      frame {
        $0.hello.version = 1
        $0.hello.agent = "a/1"
        $0.hello.maxFrameBytes = 9
        $0.hello.maxConcurrentCalls = 3
        $0.hello.initialCreditBytes = 5
      }, "Hello version=1 agent=a/1 max_frame=9 calls=3 credit=5"
    ),
    (
      frame {
        $0.open.call = 4
        $0.open.method = "x/Y"
        $0.open.timeoutUs = 7
        $0.open.metadata = ["authorization": "Bearer \(secret)"]
        $0.open.first = Data(secret.utf8)
        $0.open.end = true
      }, "Open call=4 method=x/Y timeout_us=7 bytes=6 end"
    ),
    (
      frame {
        $0.message.call = 4
        $0.message.payload = Data(secret.utf8)
      }, "Message call=4 bytes=6"
    ),
    (
      frame {
        $0.end.call = 4
        $0.end.trailers = ["t": secret]
        $0.end.last = Data(secret.utf8)
      }, "End call=4 status=OK bytes=6"
    ),
    (.end(8, CallError(.notFound, secret)), "End call=8 status=NOT_FOUND bytes=0"),
    (frame { $0.cancel.call = 2 }, "Cancel call=2"), (.credit(2, 1 << 40), "Credit call=2 bytes=4294967295"),
    (frame { $0.ping.nonce = 1 }, "Ping nonce=1"), (frame { $0.pong.nonce = 1 }, "Pong nonce=1"),
    (.goAway(CallError(.unavailable, secret), lastCall: 6), "GoAway last_call=6 status=UNAVAILABLE"),
    (.goAway(nil, lastCall: 0), "GoAway last_call=0 status=OK"), (frame { _ in }, "an empty frame"),
  ]

  @Test("kind, call, sizes and status", arguments: frames.indices)
  func summary(_ at: Int) {
    let (frame, expected) = Self.frames[at]
    #expect(frame.summary == expected && !frame.summary.contains(Self.secret))
  }
}

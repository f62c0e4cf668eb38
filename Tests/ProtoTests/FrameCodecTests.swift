import DitherProto
import DitherTensor
import Foundation
import SwiftProtobuf
import Testing

@Suite("Frames on a byte stream")
struct FrameCodecTests {
  private static let frames: [Dither_V1_Frame] = [
    WireLimits().hello,
    .with {
      $0.open.call = 1
      $0.open.method = "dither.v1.Inference/Predict"
      $0.open.metadata = ["authorization": "Bearer x"]
      $0.open.first = Data((0..<200).map(UInt8.init))
      $0.open.end = true
    },
    .with {
      $0.message.call = 7
      $0.message.payload = Data(count: 130)
    },
    .end(7, CallError(.notFound, "no model 'naïve'", details: [.retry(afterMilliseconds: 5)])),
    .credit(3, 1 << 20), .goAway(nil, lastCall: 9),
  ]

  @Test("arrive whole, wherever the stream is cut in two or three")
  func everySplit() throws {
    let bytes = Self.frames.flatMap(FrameCodec.encode)
    func read(_ parts: [ArraySlice<UInt8>]) throws -> [Dither_V1_Frame] {
      var reader = FrameReader(limit: 1 << 20), found: [Dither_V1_Frame] = []
      for part in parts {
        reader.append(part)
        while let frame = try reader.next() { found.append(frame) }
      }
      #expect(reader.pendingBytes == 0)
      return found
    }
    for cut in 0...bytes.count {
      #expect(try read([bytes[..<cut], bytes[cut...]]) == Self.frames)
    }
    for first in stride(from: 0, to: bytes.count, by: 7) {
      for second in stride(from: first, to: bytes.count, by: 11) {
        #expect(try read([bytes[..<first], bytes[first..<second], bytes[second...]]) == Self.frames)
      }
    }
    #expect(try read(bytes.indices.map { bytes[$0...$0] }) == Self.frames)
  }

  @Test("who opens a call is seen before all of its frame has come")
  func openingAuthorization() throws {
    func frame(_ metadata: [String: String], method: String = "a.B/C") -> [UInt8] {
      FrameCodec.encode(
        .with {
          ($0.open.call, $0.open.method, $0.open.timeoutUs, $0.open.metadata) = (7, method, 5, metadata)
          $0.open.first = Data(count: 100_000)
        })
    }
    func seen(_ bytes: ArraySlice<UInt8>) -> String? {
      var reader = FrameReader(limit: 1 << 20)
      reader.append(bytes)
      return reader.openingAuthorization
    }
    let whole = frame(["authorization": "Bearer app"]), words = Array("Bearer app".utf8)
    let end = try #require(whole.indices.first { whole[$0...].starts(with: words) }) + words.count
    for count in 0...end + 100 { #expect(seen(whole[..<count]) == (count < end ? nil : "Bearer app"), "\(count)") }
    #expect(seen(frame(["other": "x"])[...]) == nil && seen([]) == nil)
    // Other frames, and bytes that are none.
    #expect(seen(FrameCodec.encode(Self.frames[0])[...]) == nil && seen([0x80, 0x80, 0x04, 0x12, 0xFF]) == nil)
    #expect(seen([UInt8](repeating: 0xFF, count: 30_000)[...]) == nil)
    // Behind more than metadata may be, nobody looks.
    #expect(seen(frame(["authorization": "Bearer app"], method: String(repeating: "x", count: 21_000))[...]) == nil)
  }

  @Test("the length is protobuf's varint, so that any protobuf runtime reads the stream")
  func delimited() throws {
    let frame = Dither_V1_Frame.with {
      $0.message.call = 1
      $0.message.payload = Data(count: 300)
    }
    let stream = InputStream(data: Data(FrameCodec.encode(frame)))
    stream.open()
    #expect(try BinaryDelimited.parse(messageType: Dither_V1_Frame.self, from: stream) == frame)
  }

  @Test("what is malformed is an error with a name, and no more is kept than the limit")
  func malformed() {
    for (bytes, code) in [
      ([UInt8](repeating: 0xFF, count: 6), .invalidArgument), ([0x81, 0x08], .resourceExhausted),
      ([0x02, 0xFF, 0xFF], .invalidArgument), ([0x01, 0x0A], .invalidArgument),
    ] as [([UInt8], StatusCode)] {
      var reader = FrameReader(limit: 1024)
      reader.append(bytes)
      #expect { try reader.next() } throws: { ($0 as? CallError)?.code == code }
    }
  }

  @Test("bytes at random never do more than that")
  func random() {
    var generator = PhiloxGenerator(seed: 4, stream: 0xF4)
    let good = Self.frames.flatMap(FrameCodec.encode)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      var reader = FrameReader(limit: 4096), server = ServerConnection(WireLimits()),
        client = ClientConnection(WireLimits())
      reader.append(bytes)
      while let frame = try? reader.next() {
        _ = server.receive(frame)
        _ = client.receive(frame)
      }
      #expect(server.openCalls <= WireLimits().maxConcurrentCalls)
    }
  }

  @Test("memory for a message grows with what has come of it, in few steps, and is given back")
  func memory() throws {
    let length = 8 << 20, whole = FrameCodec.encode(.with { $0.message.payload = Data(count: length) })
    var reader = FrameReader(limit: 16 << 20)
    for start in stride(from: 0, to: whole.count, by: 50_000) {
      #expect(try reader.next() == nil)
      reader.append(whole[start..<min(start + 50_000, whole.count)])
      #expect(reader.reservedBytes <= max(1 << 17, 17 * reader.pendingBytes) && reader.reservedBytes < 9 << 20)
    }
    #expect(try reader.next()?.message.payload.count == length)
    #expect(reader.pendingBytes == 0 && reader.reservedBytes <= 1 << 17)
    reader.append(whole[..<200_000])
    reader.clear()
    #expect(reader.pendingBytes == 0 && reader.reservedBytes == 0)
  }
}

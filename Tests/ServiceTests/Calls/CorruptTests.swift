import DitherBasics
import DitherProto
import DitherRobustness
import DitherService
import DitherTensor
import Foundation
import SwiftProtobuf
import Testing

@Suite("Corrupt") struct CorruptTests {
  private static let shape: [Int64] = [5, 3, 16, 16]
  private static let pixels = rows(5, of: 3 * 16 * 16).flatMap { $0 }

  private static func request(
    _ corruption: String, _ change: (inout Dither_V1_CorruptRequest) -> Void = { _ in }
  ) -> Dither_V1_CorruptRequest {
    .with {
      $0.corruption = corruption
      $0.parameters = ["severity": "3"]
      $0.seed = 11
      $0.inputs.type = .float32
      $0.inputs.shape = shape
      $0.inputs.data = pixels.reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      change(&$0)
    }
  }

  private static func floats(_ array: Dither_V1_Array) -> [Float] {
    [Float](unsafeUninitializedCapacity: array.data.count / 4) { buffer, count in
      count = array.data.copyBytes(to: buffer) / 4
    }
  }

  @Test("every corruption changes inputs as the library does, in one request or several", arguments: corruptions)
  func corrupts(_ name: String) async throws {
    let server = try await InProcess()
    let whole = try await CorruptCall(server.services).answer(Self.request(name), server.caller).outputs
    #expect(whole.shape == Self.shape && whole.type == .float32)
    let expected = try #require(
      try ProbeSpec(name, ["severity": "3"]).resolved() as? any CorruptingProbe
    ).corrupted(Tensor([5, 3, 16, 16], Self.pixels), identities: Array(0..<5), seed: 11)
    #expect(Self.floats(whole) == Array(expected.elements))
    let rest = try await CorruptCall(server.services).answer(
      Self.request(name) {
        $0.first = 2
        $0.inputs.shape[0] = 3
        $0.inputs.data = Data($0.inputs.data.dropFirst(2 * 3 * 16 * 16 * 4))
      }, server.caller
    ).outputs
    #expect(rest.data == whole.data.dropFirst(2 * 3 * 16 * 16 * 4))
    // The protocol's pictures are bytes, so that bytes lose nothing.
    let bytes = try await CorruptCall(server.services).answer(
      Self.request(name) {
        $0.inputs.type = .uint8
        $0.inputs.data = Data(Self.pixels.map { UInt8(($0 * 255).rounded()) })
      }, server.caller
    ).outputs
    #expect(bytes.type == .uint8 && bytes.data.count == Self.pixels.count)
    // Integers of 0 and 1 are pixels too; what comes back is none.
    let whole64 = try await CorruptCall(server.services).answer(
      Self.request(name) {
        $0.inputs.type = .int64
        $0.inputs.data = Data(Self.pixels.flatMap { pixel in withUnsafeBytes(of: Int64(pixel.rounded()), Array.init) })
      }, server.caller
    ).outputs
    #expect(whole64.type == .float32 && whole64.data.count == Self.pixels.count * 4)
  }

  static let corruptions = ["gaussian_noise", "fog", "jpeg_compression", "pixelate"]

  @Test(
    "what is no corruption or no picture is refused, with the field's name",
    arguments: ["corruption", "severity", "[0, 1]", "inputs.data", "inputs.type", "rows", "strength"])
  func refusals(_ kind: String) async throws {
    let server = try await InProcess { $0.limits.rowsPerRequest = 4 }
    let words: String
    let request: Dither_V1_CorruptRequest
    switch kind {
    case "corruption": (words, request) = ("one of", Self.request("fgsm"))
    case "severity": (words, request) = ("severity", Self.request("fog") { $0.parameters = ["severity": "6"] })
    case "strength": (words, request) = ("strength", Self.request("fog") { $0.parameters = ["strength": "6"] })
    case "inputs.type": (words, request) = (kind, Self.request("fog") { $0.inputs.type = .unspecified })
    case "rows": (words, request) = ("at most 4", Self.request("fog"))
    case "inputs.data":
      (words, request) = ("inputs", Self.request("fog") { $0.inputs.data.removeLast() })
    default:
      (words, request) = (
        "from 0 to 1",
        Self.request("fog") {
          $0.inputs.shape[0] = 1
          $0.inputs.data = $0.inputs.data.prefix(3 * 16 * 16 * 4 - 4) + withUnsafeBytes(of: Float.nan) { Data($0) }
        }
      )
    }
    await #expect {
      _ = try await CorruptCall(server.services).answer(request, server.caller)
    } throws: {
      let error = $0 as? any AnyFault
      return error.map { [.invalidArgument, .notFound].contains($0.category) && $0.description.contains(words) }
        ?? false
    }
  }
}

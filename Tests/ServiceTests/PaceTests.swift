import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTransport
import Foundation
import FoundationNetworking
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

/// The draws that a caller's rows may have in each second.
@Suite("The pace of predictions")
struct PaceTests {
  private func bounded(_ samples: Int) -> Caller {
    Caller(name: "app", rates: RateBounds(samples: samples))
  }

  private func wait(_ body: () async throws -> Void) async -> Int? {
    do {
      try await body()
      return nil
    } catch {
      let known = error as? CallError
      #expect(known?.code == .resourceExhausted && known?.message.contains("samples in each second") == true)
      return known?.retryAfterMilliseconds
    }
  }

  @Test("rows times draws are counted, a row without draws as one")
  func counted() async throws {
    let frozen = CallerRates { .uptimeNanoseconds(1_000_000_000) }
    let server = try await InProcess(models: ["net": TestModels.mlp()], rates: frozen), caller = bounded(100)
    func predict(_ count: Int, samples: UInt32) async -> Int? {
      await wait { _ = try await server.predict("net", rows(count, of: 6), caller: caller) { $0.samples = samples } }
    }
    #expect(await predict(4, samples: 16) == nil)
    #expect(await predict(30, samples: 0) == nil)
    #expect(await predict(7, samples: 0) == 10)
    #expect(await predict(6, samples: 0) == nil)
    #expect(await predict(1, samples: 0) == 10)
    // Others have their own.
    _ = try await server.predict("net", rows(1, of: 6)) { $0.samples = 1000 }
    #expect(frozen.refused.map(\.caller) == ["app"] && frozen.refused.map(\.count) == [2])
  }

  @Test("of a tolerance the draws that were used are counted; a request that is refused costs nothing")
  func used() async throws {
    let frozen = CallerRates { .uptimeNanoseconds(1_000_000_000) }
    let server = try await InProcess(models: ["net": TestModels.mlp()], rates: frozen), caller = bounded(4096)
    // One round is enough.
    let answer = try await server.predict("net", rows(1, of: 6), caller: caller) {
      ($0.tolerance, $0.maxSamples) = (0.9, 4096)
    }
    let used = Int(answer.samples)
    #expect(used > 0 && used < 4096)
    await #expect {
      _ = try await server.predict("net", rows(1, of: 6), caller: caller) { $0.samples = .max }
    } throws: { !(($0 as? CallError)?.code == .resourceExhausted) }
    let rest = await wait {
      _ = try await server.predict("net", rows(1, of: 6), caller: caller) { $0.samples = UInt32(4096 - used) }
    }
    #expect(rest == nil)
    let beyond = await wait {
      _ = try await server.predict("net", rows(1, of: 6), caller: caller) { $0.samples = 0 }
    }
    #expect(beyond == 1)
  }

  @Test("each request of a stream is a call; one beyond the pace is refused in its place")
  func streams() async throws {
    let frozen = CallerRates { .uptimeNanoseconds(1_000_000_000) }
    let server = try await InProcess(models: ["net": TestModels.mlp()], rates: frozen)
    let caller = Caller(name: "app", rates: RateBounds(calls: 2))
    let request = Inference_ModelInferRequest.with {
      $0.modelName = "net"
      $0.inputs = [
        .with {
          ($0.name, $0.datatype, $0.shape) = ("x", "FP32", [1, 6])
          $0.contents.fp32Contents = [0, 0, 0, 0, 0, 0]
        }
      ]
    }
    let left = Mutex(4), heard = Mutex<[String]>([])
    let requests = RequestStream<Inference_ModelInferRequest> {
      left.withLock { left in
        left -= 1
        return left >= 0 ? request : nil
      }
    }
    let writer = ResponseWriter<Inference_ModelStreamInferResponse> { response in
      heard.withLock { $0.append(response.errorMessage) }
    }
    try await ModelStreamInferCall(server.services).answer(requests, caller, writer)
    // The first has been counted when the stream was opened.
    let messages = heard.withLock { $0 }
    #expect(messages.count == 4 && messages.filter(\.isEmpty).count == 3)
    #expect(messages.contains { $0.contains("2 calls in each second") })
  }

  @Test("the figures count refusals, with names written as Prometheus reads them")
  func figures() async throws {
    try await AskedServer.with(roles: ["predict"]) { server in
      let token = try await server.running.services.store.tokens.create(
        "slow", TokenGrant(roles: ["predict"], callsPerSecond: 1))
      var statuses: [Int] = [], waits: [String?] = []
      for _ in 0..<20 {
        let answer = try await server.ask("/v2", token: token)
        statuses.append(answer.status)
        if answer.status == 429 { waits.append(answer.head.value(forHTTPHeaderField: "retry-after")) }
      }
      #expect(statuses.first == 200 && Set(statuses) == [200, 429] && waits.allSatisfy { $0 == "1" })
      let rates = server.running.services.rates, odd = "a\"b\\c\nd"
      for _ in 0..<2 { try? rates.take(1, .samples, by: odd, RateBounds(samples: 1)) }
      let text = String(decoding: try await server.ask("/metrics").body, as: UTF8.self)
      let refused = statuses.count { $0 == 429 }
      #expect(text.contains("dither_refused_by_rate_total{caller=\"slow\",bound=\"calls\"} \(refused)\n"))
      #expect(text.contains(#"dither_refused_by_rate_total{caller="a\"b\\c\nd",bound="samples"} 1"# + "\n"))
    }
  }
}

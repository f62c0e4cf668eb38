import DitherBasics
import DitherJobs
import DitherProto
import DitherService
import Dispatch
import SwiftProtobuf
import Testing

@Suite struct PoolsTests {
  @Test("slow work of one kind does not keep the others waiting", .timeLimit(.minutes(10)))
  func separate() async throws {
    let server = try await InProcess(models: ["a": TestModels.mlp(), "b": TestModels.mlp(seed: 2)])
    let services = server.services
    let held = DispatchSemaphore(value: 0)
    let slow = [services.trials, services.fitting, services.planning]
    for pool in slow { for _ in 0..<8 { pool.submit { held.wait() } } }
    _ = try await SetAliasCall(services).answer(
      .with {
        $0.model = "a"
        $0.alias = "best"
      }, server.caller)
    _ = try await ListAuditsCall(services).answer(.init(), server.caller)
    _ = try await server.predict("b", rows(1, of: 6))
    _ = try await RemoveModelCall(services).answer(.with { $0.model = "b" }, server.caller)
    for _ in slow { for _ in 0..<8 { held.signal() } }
  }
}

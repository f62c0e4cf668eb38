import DitherBasics
import DitherProto
import DitherStore
import Synchronization

/// Whether the server takes calls, for those who ask before they call.
final class Readiness: Sendable {
  private let isLeaving = Atomic<Bool>(false)
  var isReady: Bool { !isLeaving.load(ordering: .relaxed) }
  /// The server drains, and does not come back.
  func leave() { isLeaving.store(true, ordering: .relaxed) }
}

/// The answers of the health service.
struct Health: Sendable {
  typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

  let readiness: Readiness
  let registry: ModelRegistry

  init(_ services: Services) {
    readiness = services.readiness
    registry = services.registry
  }

  /// The services that the calls are of: "inference.GRPCInferenceService".
  static let serviceNames = Set(CallMethods.all.map { String($0.name.prefix { $0 != "/" }) })

  /// - Parameters:
  ///   - service: empty for the server itself; the name of a service; a reference to a model.
  ///   - models: those that the caller may hear of; nil: none.
  /// - Returns: nil where it is none of these.
  func status(of service: String, models: NameScope?) -> Status? {
    if service.isEmpty || Self.serviceNames.contains(service) { return readiness.isReady ? .serving : .notServing }
    guard let models, let version = try? registry.resolve(service, for: models) else { return nil }
    return readiness.isReady && registry.isAvailable(version) ? .serving : .notServing
  }
}

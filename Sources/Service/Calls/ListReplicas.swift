import DitherProto
import DitherStore
import DitherTransport
import SwiftProtobuf

/// `Registry/ListReplicas`: who shares this server's database, and how far each has followed it.
package struct ListReplicasCall: UnaryCall {
  package static let method = Dither_V1_Registry.listReplicas
  package static let policy = CallPolicy(role: .audit, defaultDeadline: .seconds(10))

  let replicas: Replicas

  package init(_ services: Services) {
    replicas = services.replicas
  }

  package func answer(_ request: Dither_V1_ListReplicasRequest, _ caller: Caller) async throws
    -> Dither_V1_ListReplicasResponse
  {
    let own = replicas.id, live = try await replicas.live()
    return .with { response in
      response.replicas = live.map { replica in
        .with {
          $0.id = replica.id
          $0.kind = replica.kind == .server ? .server : .worker
          $0.code = replica.code
          $0.computeClass = replica.computeClass
          $0.changesBehind = UInt64(clamping: replica.behind)
          $0.silentMs = UInt64(clamping: replica.silentMilliseconds)
          $0.startedMs = replica.startedMilliseconds
          $0.isSelf = replica.id == own
        }
      }
    }
  }
}

import DitherProto
import DitherStore
import DitherTransport

/// `Registry/GetUpload`: where to go on with an upload that was cut.
package struct GetUploadCall: UnaryCall {
  package static let method = Dither_V1_Registry.getUpload
  package static let policy = CallPolicy(role: .publish)

  let store: any Store

  package init(_ services: Services) { store = services.store }

  package func answer(_ request: Dither_V1_GetUploadRequest, _ caller: Caller) async throws -> Dither_V1_UploadStatus {
    try caller.scope.check(model: request.name)
    var status = Dither_V1_UploadStatus()
    status.received = UInt64(try await store.blobs.received(BlobID(request.sha256), of: request.name))
    return status
  }
}

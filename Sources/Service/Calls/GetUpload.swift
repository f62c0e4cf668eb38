import DitherProto
import DitherStore

/// `Registry/GetUpload`: where to go on with an upload that was cut.
package struct GetUploadCall: Sendable {
  let store: Store

  package func answer(_ request: Dither_V1_GetUploadRequest) throws -> Dither_V1_UploadStatus {
    var status = Dither_V1_UploadStatus()
    status.received = UInt64(try store.blobs.received(BlobID(request.sha256), of: request.name))
    return status
  }
}

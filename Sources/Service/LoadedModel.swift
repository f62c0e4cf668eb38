import DitherGraph
import DitherInference
import DitherStore

/// A model in memory. It leaves when the registry has let go of it and the last call that uses it has ended.
final class LoadedModel: Sendable {
  let blob: BlobID
  let fileBytes: Int
  let model: Model
  let meter: ComputeMeter
  /// The terms of its noise, as requests say them.
  let noise: [String]
  /// The same under the noises that requests bring.
  let noisy = NoisyModels()

  /// The bytes of its file, or those of its constants at this moment, whichever is more: a small file may make large
  /// ones, and kernels hold them in layouts of their own beside the graph's.
  var bytes: Int { max(fileBytes, model.parameterBytes + model.constantBytes) }

  init(blob: BlobID, bytes: Int, model: Model) {
    self.blob = blob
    fileBytes = bytes
    self.model = model
    meter = ComputeMeter(operations: model.operations)
    noise = model.noise?.options ?? []
  }
}

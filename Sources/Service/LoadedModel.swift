import DitherGraph
import DitherInference
import DitherStore

/// A model in memory. It leaves when the registry has let go of it and the last call that uses it has ended.
final class LoadedModel: Sendable {
  let blob: BlobID
  /// The bytes of its file or of its constants, whichever is more: a small file may make large ones.
  let bytes: Int
  let model: Model
  let meter: ComputeMeter
  /// The terms of its noise, as requests say them.
  let noise: [String]
  /// The same under the noises that requests bring.
  let noisy = NoisyModels()

  init(blob: BlobID, bytes: Int, model: Model) {
    self.blob = blob
    self.bytes = max(bytes, model.parameterBytes)
    self.model = model
    meter = ComputeMeter(operations: model.operations)
    noise = model.noise?.options ?? []
  }
}

import DitherGraph
import DitherTensor

/// The terms of a noise model that are on gradients, drawn anew each step. Source: Neelakantan et al. 2015, arXiv
/// 1511.06807.
struct NoisyGradients: Strategy {
  private let noise: GradientNoise

  /// - Throws: when a pattern of layers fits no parameter.
  init(_ noise: NoiseModel, of graph: Graph) throws { self.noise = try GradientNoise(noise, of: graph) }

  func gradients(_ step: inout TrainingStep) {
    let seed = mixSeed(step.position.seed, 0x62AD, UInt64(step.position.number))
    for parameter in step.parameters {
      noise.add(to: parameter.gradient, of: parameter.id, seed: seed, progress: step.position.progress)
    }
  }
}

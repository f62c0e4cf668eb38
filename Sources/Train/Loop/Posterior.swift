import DitherBasics
import DitherGraph
import DitherTensor

extension Recipe {
  /// Checks that an optimizer with a posterior of its own has the only say on the noise of weights.
  /// - Throws: where a term of noise is on them as well.
  func checkNoiseBesidePosterior() throws(TrainError) {
    guard type(of: optimizer).hasPosterior, servedNoise == nil,
      let term = noise.terms.first(where: { $0.site == .weights && $0.isActive })
    else { return }
    throw TrainError(
      .recipe, at: "recipe, 'optimizer'",
      expected: "no noise on weights beside \(type(of: optimizer).name), whose own the model is served with",
      got: term.summary, advice: "leave the term out, or say 'served_noise'")
  }
}

extension Trainer {
  /// Gives the deviations of the optimizer's posterior to the weights of a model, where it has one and the recipe names
  /// no other noise to serve. Biases stay at its mean.
  func givePosterior(to result: inout Graph) {
    guard type(of: recipe.optimizer).hasPosterior, recipe.servedNoise == nil else { return }
    let weights = Set(result.nodes.compactMap(\.weights)), step = position.epoch * stepsPerEpoch + position.step
    var found: [ValueID: Tensor] = [:]
    for parameter in trained where weights.contains(parameter.id) {
      // The gradient says nothing here.
      let view = parameter.view(
        parameters, UnsafeBufferPointer(parameters.floats), state, seed: recipe.seed, step: step,
        examples: batches.count)
      found[parameter.id] = Tensor(view.shape, recipe.optimizer.deviations(of: view))
    }
    result.serve(with: found)
  }
}

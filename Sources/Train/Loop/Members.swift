import DitherBasics
import DitherGraph
import DitherTensor

extension Recipe {
  /// - Throws: where the run is too short for its posterior, or ends before it knows.
  func checkMembers(in run: RunLength) throws(TrainError) {
    guard let posterior else { return }
    guard epochs % posterior.trainings == 0 else {
      throw TrainError(
        .recipe, at: "recipe, 'epochs'",
        expected: "a multiple of \(posterior.trainings), as many for each of its trainings", got: "\(epochs)")
    }
    let least = posterior.leastTaken, taken = posterior.pace(run).taken(in: run.steps)
    guard taken >= least, posterior.pace(run).start >= 0 else {
      throw TrainError(
        .recipe, at: "recipe, 'posterior'", expected: "a run that gives it \(least) networks",
        got: "\(run.steps) steps, \(taken) of them to take", advice: "more epochs, a smaller 'after' or 'every'")
    }
  }
}

extension Trainer {
  var length: RunLength { RunLength(steps: recipe.epochs * stepsPerEpoch, stepsPerEpoch: stepsPerEpoch) }

  /// Lets the recipe's posterior take the parameters behind step `step`, which counts from 1.
  func take(behind step: Int) {
    guard let posterior = recipe.posterior, let number = posterior.pace(length).number(behind: step) else { return }
    posterior.take(UnsafeBufferPointer(parameters.floats), number, into: kept.map(\.floats))
  }

  /// Gives a trained model the members that its posterior has found, each with statistics of normalization of its own.
  func giveMembers(to result: inout Graph) throws {
    guard let posterior = recipe.posterior else { return }
    let last = Array(parameters.floats), taken = posterior.pace(length).taken(in: length.steps)
    defer { _ = parameters.floats.update(fromContentsOf: last) }
    func settled(_ values: [Float]) throws -> [Float] {
      _ = parameters.floats.update(fromContentsOf: values)
      try estimateStatistics()
      return Array(parameters.floats)
    }
    let members = try (0..<posterior.members).map { index in
      let draws = NoiseAddress(seed: recipe.seed, site: 0x3E3B0, sample: UInt32(index))
      return try settled(posterior.member(index, taken, from: kept.map(\.floats), draws: draws))
    }
    let center = try posterior.center(taken, from: kept.map(\.floats)).map(settled)
    var samples: [ValueID: Tensor] = [:]
    for (id, range) in parameters.ranges {
      // Learned strengths of noise are the same in all.
      guard let shape = parameters.shapes[id], result.literals[id]?.type.shape == shape,
        !LearnedDeviation.isName(parameters.names[id] ?? "")
      else { continue }
      if let center { result.literals[id] = .float(Tensor(shape, Array(center[range]))) }
      guard members.contains(where: { $0[range] != members[0][range] }) else { continue }
      samples[id] = Tensor(Shape([members.count] + shape.dimensions), members.flatMap { $0[range] })
    }
    result.serve(members: samples)
  }
}

import DitherBasics
import DitherGraph
import DitherTensor

/// Where one parameter lies in the buffers of weights, gradients and state, which share one layout.
package struct TrainedParameter: Sendable {
  let id: ValueID, name: String, shape: Shape, range: Range<Int>
  /// Its place among the trained parameters.
  let index: Int
  /// Factors on the optimizer's rate and decay.
  let rate: Double, decay: Double

  /// The parameters that training moves, in the graph's order.
  /// - Parameter groups: of several that a parameter is in, the last one counts.
  package static func all(of parameters: ParameterBuffers, groups: [ParameterGroup] = []) -> [TrainedParameter] {
    parameters.trainable.compactMap { id in parameters.ranges[id].map { (id, $0) } }.enumerated().map { index, entry in
      let name = parameters.names[entry.0] ?? "", group = groups.last { isMatch(name, $0.parameters) }
      return TrainedParameter(
        id: entry.0, name: name, shape: parameters.shapes[entry.0] ?? [entry.1.count], range: entry.1, index: index,
        rate: group?.rate ?? 1, decay: group?.decay ?? 1)
    }
  }

  /// - Parameters:
  ///   - gradients: laid out as the parameters are.
  ///   - state: the optimizer's buffers, of the parameters' size.
  ///   - step: counts from 1.
  ///   - examples: of the training.
  package func view(
    _ parameters: ParameterBuffers, _ gradients: UnsafeBufferPointer<Float>, _ state: [AlignedBuffer], seed: UInt64,
    step: Int,
    examples: Int
  ) -> ParameterView {
    ParameterView(
      name: name, shape: shape, values: UnsafeMutableBufferPointer(rebasing: parameters.floats[range]),
      gradient: UnsafeBufferPointer(rebasing: gradients[range]),
      state: state.map { UnsafeMutableBufferPointer(rebasing: $0.floats[range]) },
      address: NoiseAddress(seed: mixSeed(seed, 0x0997, UInt64(step)), site: UInt32(index)), examples: examples,
      decayFactor: decay)
  }
}

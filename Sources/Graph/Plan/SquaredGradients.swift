import DitherBasics
import DitherTensor

/// Sums over the rows of a batch of the squares of each row's own derivatives for weights. One plan for a number of
/// rows, used by one thread at a time: `begin()`, `inputs`, `forward()`, for each derivative `cotangent` and
/// `backward()`, then `finish()`.
package protocol SquaredGradients: AnyObject {
  /// The weights that it is of.
  var weights: [ValueID] { get }
  /// Where a batch is written, by the graph's inputs.
  var inputs: [UnsafeMutableRawBufferPointer] { get }
  /// The graph's first output.
  var output: UnsafeBufferPointer<Float> { get }
  /// The gradient of each row's score for its own output.
  var cotangent: UnsafeMutableBufferPointer<Float> { get }
  /// How many rows a batch has.
  var rows: Int { get }
  /// Before the first pass of a batch.
  func begin()
  func forward()
  func backward()
  /// Adds the batch's sums to `sums`, by weights.
  func finish(into sums: inout [[Double]])
}

extension Graph {
  /// The weights that noise on weights can go to, each once, in the order of their layers.
  package var noisyWeights: [(id: ValueID, name: String, shape: Shape)] {
    var seen = Set<ValueID>()
    return weightPlaces.compactMap { node, place in
      guard let id = nodes[node].weights, seen.insert(id).inserted, let own = place.weights else { return nil }
      return (id, own.name, own.shape)
    }
  }

  private var weightPlaces: [(node: Int, place: NoisePlace)] {
    NoiseSite.weights.places(self).compactMap { place in
      guard case .weights(let node) = place.target else { return nil }
      return (node, place)
    }
  }

  /// Weights of dense layers that one node has, whose gradient of a row is a product of two vectors.
  package func denseWeights() throws(GraphError) -> [ValueID] { try denseLayers().map(\.weights) }

  fileprivate func denseLayers() throws(GraphError) -> [ProductSquares.Layer] {
    let types = try types(rows: 2)
    return weightPlaces.compactMap { at, place in
      let node = nodes[at]
      guard !place.isShared, let weights = node.weights, case .float(let own)? = literals[weights],
        let output = node.outputs.first, let result = types[output.index], result.shape.rank == 2, result.shape[0] == 2
      else { return nil }
      // The largest operand's numbers are not asked for: only whether it is such a layer.
      let constants = node.inputs.map { id -> Tensor? in
        guard let id, case .float(let tensor)? = literals[id] else { return nil }
        return tensor
      }
      guard let layer = node.op.denseLayer(constants, node.inputs.map { $0.flatMap { types[$0.index] } }),
        let input = node.inputs[layer.input], own.shape.rank == 2, let x = types[input.index], x.shape.rank == 2,
        x.shape[0] == 2, node.op.weightFactor == 1
      else { return nil }
      return .init(
        node: at, weights: weights, input: input, features: x.shape[1], outputs: result.shape[1],
        isTransposed: node.op.weightChannels == 0)
    }
  }
}

/// Dense layers': a row's gradient is x gᵀ, whose squares are products of squares, so that the sum over rows and
/// derivatives is one product, (x²)ᵀ Σ g². The gradients g at the layers' outputs are those of zeros that are added
/// there, so that no gradient for weights is ever made. Source: Dangel, Kunstner and Hennig 2020, BackPACK, arXiv
/// 1912.10985, appendix A.
package final class ProductSquares: SquaredGradients {
  fileprivate struct Layer {
    let node: Int, weights: ValueID, input: ValueID, features: Int, outputs: Int
    /// Whether the weights lie as [outputs, features].
    let isTransposed: Bool
  }
  private let plan: Plan
  private let layers: [Layer]
  /// The added zeros, by layer.
  private let zeros: [ValueID]
  /// By layer: Σ g² over the derivatives, [rows, outputs].
  private var squares: [[Float]]

  package var weights: [ValueID] { layers.map(\.weights) }
  package var inputs: [UnsafeMutableRawBufferPointer] { plan.inputs }
  package var output: UnsafeBufferPointer<Float> { plan.output() }
  package var cotangent: UnsafeMutableBufferPointer<Float> { plan.cotangent }
  package var rows: Int { plan.options.rows }

  /// - Parameters:
  ///   - graph: without noise; its first output is the one that scores are of.
  ///   - wanted: of its ``Graph/denseWeights()``.
  package init(_ graph: Graph, of wanted: [ValueID], rows: Int) throws(GraphError) {
    layers = try graph.denseLayers().filter { wanted.contains($0.weights) }
    var probed = graph, zeros: [ValueID] = []
    probed.outputs = Array(graph.outputs.prefix(1))
    for (number, layer) in layers.enumerated() {
      let output = graph.nodes[layer.node].outputs[0]
      let before = ValueID(probed.valueNames.count)
      probed.valueNames.append("product_\(before.index)")
      let added = probed.add(Tensor(zeros: [rows, layer.outputs]), as: "zeros_\(before.index)")
      zeros.append(added)
      // One more node before each layer that comes later.
      let at = layer.node + number
      probed.nodes[at].outputs[0] = before
      probed.nodes.insert(
        Node(name: "probe_\(before.index)", op: Add(), inputs: [before, added], outputs: [output]), at: at + 1)
      probed.outputs.append(GraphOutput(name: "input_\(before.index)", value: layer.input))
    }
    self.zeros = zeros
    let names = Set(zeros.map { probed.valueNames[$0.index] })
    plan = try Plan(
      probed, parameters: ParameterBuffers(probed, frozen: probed.parameterNames { !names.contains($0) }),
      options: .init(rows: rows, parameterGradients: true, repeatsBackward: true))
    squares = layers.map { [Float](repeating: 0, count: rows * $0.outputs) }
  }

  package func forward() { plan.forward() }

  package func begin() {
    for at in squares.indices { squares[at] = [Float](repeating: 0, count: squares[at].count) }
  }

  package func backward() {
    plan.backward()
    for at in squares.indices {
      guard let gradient = plan.parameterGradient(zeros[at]) else { continue }
      squares[at].withUnsafeMutableBufferPointer { sum in
        for i in sum.indices { sum[i] += gradient[i] * gradient[i] }
      }
    }
  }

  package func finish(into sums: inout [[Double]]) {
    for (at, layer) in layers.enumerated() {
      let x = plan.output(at + 1).map { $0 * $0 }
      var product = [Float](repeating: 0, count: layer.features * layer.outputs)
      x.withUnsafeBufferPointer { x in
        squares[at].withUnsafeBufferPointer { g in
          product.withUnsafeMutableBufferPointer { to in
            guard let x = x.baseAddress, let g = g.baseAddress, let to = to.baseAddress else { return }
            let left = (x, layer.features), right = (g, layer.outputs)
            let (a, b) = layer.isTransposed ? (right, left) : (left, right)
            Kernels.product(
              to, .init(a.0, rowStride: a.1, isTransposed: true), .init(b.0, rowStride: b.1), a.1, b.1, rows)
          }
        }
      }
      sums[at].withUnsafeMutableBufferPointer { sum in
        for i in sum.indices { sum[i] += Double(product[i]) }
      }
    }
  }
}

/// Any weights', row by row: their gradients, squared.
package final class RowSquares: SquaredGradients {
  private let plan: Plan
  private var squares: [[Float]]

  package let weights: [ValueID]
  package var inputs: [UnsafeMutableRawBufferPointer] { plan.inputs }
  package var output: UnsafeBufferPointer<Float> { plan.output() }
  package var cotangent: UnsafeMutableBufferPointer<Float> { plan.cotangent }
  package var rows: Int { 1 }

  /// - Parameter graph: without noise; its first output is the one that scores are of.
  package init(_ graph: Graph, of weights: [ValueID]) throws(GraphError) {
    var only = graph
    only.outputs = Array(graph.outputs.prefix(1))
    let names = Set(weights.map { graph.valueNames[$0.index] })
    self.weights = weights
    plan = try Plan(
      only, parameters: ParameterBuffers(only, frozen: only.parameterNames { !names.contains($0) }),
      options: .init(rows: 1, parameterGradients: true, repeatsBackward: true))
    squares = weights.map { [Float](repeating: 0, count: only.literals[$0]?.type.shape.count ?? 0) }
  }

  package func forward() { plan.forward() }

  package func begin() {
    for at in squares.indices { squares[at] = [Float](repeating: 0, count: squares[at].count) }
  }

  package func backward() {
    plan.backward()
    for (at, id) in weights.enumerated() {
      guard let gradient = plan.parameterGradient(id) else { continue }
      squares[at].withUnsafeMutableBufferPointer { sum in
        for i in sum.indices { sum[i] += gradient[i] * gradient[i] }
      }
    }
  }

  package func finish(into sums: inout [[Double]]) {
    for at in squares.indices {
      squares[at].withUnsafeBufferPointer { own in
        sums[at].withUnsafeMutableBufferPointer { sum in
          for i in sum.indices { sum[i] += Double(own[i]) }
        }
      }
    }
  }
}

extension Graph {
  fileprivate func parameterNames(where isWanted: (String) -> Bool) -> [String] {
    parameters.map { valueNames[$0.index] }.filter(isWanted)
  }
}

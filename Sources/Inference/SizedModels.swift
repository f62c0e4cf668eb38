import DitherBasics
import DitherGraph
import DitherTensor
import Synchronization

/// One model at the last sizes of inputs that came. Each is small: parameters and plans are the model's.
final class SizedModels: Sendable {
  private struct State {
    /// Least recently used first.
    var ready: [(size: [String: Int], model: Model)] = []

    mutating func use(_ at: Int) -> Model {
      let found = ready.remove(at: at)
      ready.append(found)
      return found.model
    }
  }
  /// Sizes that are kept.
  static let most = 16
  private let state = Mutex(State())

  func known(_ size: [String: Int]) -> Model? {
    state.withLock { state in state.ready.firstIndex { $0.size == size }.map { state.use($0) } }
  }

  /// Where two were made at once the first one stays.
  func keep(_ model: Model, _ size: [String: Int]) -> Model {
    state.withLock { state in
      if let at = state.ready.firstIndex(where: { $0.size == size }) { return state.use(at) }
      if state.ready.count == Self.most { state.ready.removeFirst() }
      state.ready.append((size, model))
      return model
    }
  }
}

extension ModelSignature.Input {
  /// The shape of one example in words, free axes by their names.
  public var words: String {
    "[\(shape.dimensions.enumerated().map { free[$0] ?? "\($1)" }.joined(separator: ", "))]"
  }

  /// The shape of one example, with −1 on free axes.
  public var extents: [Int] { shape.dimensions.enumerated().map { free[$0] == nil ? $1 : -1 } }
}

extension ModelSignature {
  /// Whether inputs of several sizes are taken: axes beside the batch are free.
  public var hasFreeAxes: Bool { inputs.contains { !$0.free.isEmpty } }

  /// A row's shape for each input.
  /// - Parameters:
  ///   - rows: [N, …].
  ///   - layout: how named inputs lie in a row; nil: the row is of the one input.
  public func rowShapes(of rows: Tensor, as layout: RowLayout?) -> [Shape?] {
    if inputs.count == 1 { return [layout?.parts.count == 1 ? layout?.parts[0].shape : rows.shape.row] }
    return inputs.map { input in layout?.parts.first { $0.name == input.name }?.shape }
  }
}

extension Model {
  /// This model for inputs of a size that it was made for already; itself where its inputs have one size.
  /// - Parameter rows: a row's shape for each input, in their order; nil of one that is not given.
  /// - Returns: nil: `sized` makes it.
  /// - Throws: where a shape is not of its input.
  public func known(for rows: [Shape?]) throws(GraphError) -> Model? {
    guard signature.hasFreeAxes else { return self }
    return sizes.known(try graph.sizes(of: rows))
  }

  /// This model for inputs of one size, which it shares parameters and plans with.
  /// - Parameter rows: a row's shape for each input, in their order; nil of one that is not given.
  /// - Throws: where a shape is not of its input, is beyond the limits, or does not fit a node.
  public func sized(for rows: [Shape?]) throws -> Model {
    if let known = try known(for: rows) { return known }
    let size = try graph.sizes(of: rows)
    return sizes.keep(try Model(self, sized: size), size)
  }

  /// Bytes of constants that all its plans share, in the forms that these have asked for.
  public var constantBytes: Int { plans.parameters.heldBytes }

  /// Plans that nobody uses at the moment, of all sizes, and their bytes.
  public var parkedPlans: (count: Int, bytes: Int) { plans.parked }
}

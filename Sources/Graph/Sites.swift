import DitherBasics
import DitherTensor

/// Where in a graph noise goes. A site is a name and the places that it finds in a graph.
public struct NoiseSite: Sendable {
  /// Its name in recipes, model files and reports.
  public let name: String
  /// Names that it had in older files.
  public let formerNames: [String]
  /// Whether models are served with it; what is not is noise of the training alone.
  public let isServed: Bool
  /// Whether its values belong to a layer that a scale can be relative to.
  public let hasLayers: Bool
  /// The places in a graph, in the order of its nodes.
  let places: @Sendable (Graph) -> [NoisePlace]

  init(
    _ name: String, formerly formerNames: [String] = [], isServed: Bool = true, hasLayers: Bool = false,
    places: @escaping @Sendable (Graph) -> [NoisePlace]
  ) {
    self.name = name
    self.formerNames = formerNames
    self.isServed = isServed
    self.hasLayers = hasLayers
    self.places = places
  }
}

/// One place of a graph that can be noisy.
struct NoisePlace {
  enum Target: Hashable {
    case input(ValueID)
    /// A parameter's gradient.
    case gradient(ValueID)
    /// By the node's position in the list.
    case weights(Int), output(Int)
  }
  let target: Target
  /// The names that patterns of layers are compared with.
  let names: [String]
  /// The address of its draws.
  let address: DrawSite.Place
  /// Whether other places have the same weights, and so the same draws.
  var isShared = false
  /// A layer's weights.
  var weights: Weights?

  /// The weights of a layer as they were before a normalization was folded into them.
  struct Weights {
    let name: String
    let shape: Shape
    /// The axis of the output channels.
    let channels: Int
  }
}

extension NoiseSite: Hashable {
  public static func == (a: NoiseSite, b: NoiseSite) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Catalog where Entry == NoiseSite {
  /// Every site, by its name.
  public static let sites = Catalog(
    "noise site", [.input, .embeddings, .weights, .activations, .afterNormalization, .dropout, .gradients],
    name: { $0.name })
}

extension Graph {
  /// The outputs of nodes that `isNoisy` names.
  func outputPlaces(kind: Int, where isNoisy: (Node) -> Bool) -> [NoisePlace] {
    nodes.indices.filter { isNoisy(nodes[$0]) }.map { at in
      NoisePlace(
        target: .output(at), names: [nodes[at].name], address: .node(nodes[at].number ?? at, kind: kind))
    }
  }
}

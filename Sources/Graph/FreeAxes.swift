import DitherBasics
import DitherTensor

// Axes beside the batch whose extent a file leaves open, as height and width are, or a sequence's length. A graph has
// one extent on each at any time, for which it is planned; `sized` gives it others.

extension GraphInput {
  /// Its shape with −1 for the batch and for free axes.
  public var extents: [Int] { dimensions.enumerated().map { axis, extent in free[axis] == nil ? extent ?? -1 : -1 } }

  /// Its shape in words: the batch and free axes by their names.
  package var words: String {
    let extents = dimensions.enumerated().map { axis, extent in free[axis] ?? extent.map(String.init) ?? "batch" }
    return "[\(extents.joined(separator: ", "))]"
  }
}

extension Graph {
  /// Extents of the free axes now, by their names; empty: none is free.
  public var sizes: [String: Int] {
    var sizes: [String: Int] = [:]
    for input in inputs { for (axis, name) in input.free { sizes[name] = input.dimensions[axis] ?? 1 } }
    return sizes
  }

  /// The extents of the free axes, by name, that rows of these shapes have.
  /// - Parameter rows: a row's shape for each input, in their order; nil of one that is not given.
  /// - Throws: where a shape is not of its input, or two are of different extents on axes of one name.
  public func sizes(of rows: [Shape?]) throws(GraphError) -> [String: Int] {
    var sizes: [String: Int] = [:], places: [String: String] = [:]
    for (input, row) in zip(inputs, rows) {
      guard let row, !input.free.isEmpty else { continue }
      let place = "input '\(input.name.clipped())'"
      // An axis of extent 1 may be left out, as everywhere.
      let all = Array(1..<input.dimensions.count)
      let axes = row.rank == all.count ? all : all.filter { input.free[$0] != nil || input.dimensions[$0] != 1 }
      let fits =
        row.rank == axes.count
        && zip(axes, row.dimensions).allSatisfy { axis, extent in
          extent > 0 && (input.free[axis] != nil || extent == input.dimensions[axis])
        }
      guard fits else { throw GraphError(.shape, at: place, expected: "examples of \(input.words)", got: "\(row)") }
      for (axis, extent) in zip(axes, row.dimensions) {
        guard let name = input.free[axis] else { continue }
        guard sizes.updateValue(extent, forKey: name) ?? extent == extent else {
          throw GraphError(
            .shape, at: "\(place), axis \(axis)",
            expected: "the extent of '\(name.clipped())' on \(places[name] ?? "another axis")", got: "\(extent)")
        }
        places[name] = "\(place), axis \(axis)"
      }
    }
    return sizes
  }

  /// The same network for inputs of one size; as it is where no axis is free.
  /// - Parameter rows: a row's shape for each input, in their order; nil of one that is not given.
  /// - Throws: as `sizes(of:)` and `sized(_:limits:)` do.
  public func sized(for rows: [Shape?]) throws(GraphError) -> Graph {
    sizes.isEmpty ? self : try sized(sizes(of: rows))
  }

  /// The same network for inputs of other extents on its free axes, which are free no more.
  /// - Parameter sizes: by the axes' names; those that are left out keep the extents that they have now.
  /// - Throws: for a name that no free axis has, an extent that is none, inputs, values or work beyond the limits, and
  ///   at the first node that a size does not fit.
  public func sized(_ sizes: [String: Int], limits: OnnxLimits = .standard) throws(GraphError) -> Graph {
    try fitted(sizes, limits).pinned
  }

  /// The same for other extents, which fit its nodes.
  private func fitted(_ sizes: [String: Int], _ limits: OnnxLimits) throws(GraphError) -> Graph {
    let sized = try withExtents(sizes, limits)
    do throws(GraphError) {
      let types = try sized.types(rows: 1)
      try sized.checkBranches(types)
      try sized.checkCost(types, limits)
    } catch {
      let shapes = sized.inputs.filter { !$0.free.isEmpty }.map {
        "'\($0.name.clipped())' of \($0.shape(rows: 1).row)"
      }
      throw GraphError(
        error.code, at: "input \(shapes.joined(separator: ", ")), \(error.place)", expected: error.expected,
        got: error.got, advice: error.advice ?? "send inputs of a size that its nodes can take")
    }
    return sized
  }

  /// A graph that was made of one size of another, for all sizes of that one again. One that has lost the conditions of
  /// branches in the place of its `If`s keeps its size: another may turn them.
  package func freed(like given: Graph) -> Graph {
    guard branches == given.branches, knowsBranches else { return self }
    var freed = self
    freed.inputs = given.inputs
    return freed
  }

  /// With the extents of its free axes as they are now, and none free.
  package var pinned: Graph {
    var pinned = self
    for at in pinned.inputs.indices { pinned.inputs[at].free = [:] }
    return pinned
  }

  /// The same with other extents on its free axes. No node is looked at.
  func withExtents(_ sizes: [String: Int], _ limits: OnnxLimits) throws(GraphError) -> Graph {
    var sized = self
    let known = self.sizes
    for (name, extent) in sizes {
      guard known[name] != nil else {
        throw GraphError(
          .shape, at: "size of '\(name.clipped())'",
          expected: known.isEmpty ? "none: no axis but the batch is free" : known.keys.sorted().joined(separator: ", "),
          got: "another name", advice: nearest(to: name, among: known.keys.sorted()).map { "did you mean '\($0)'?" })
      }
      guard (1...1 << 24).contains(extent) else {
        throw GraphError(.shape, at: "size of '\(name.clipped())'", expected: "1 to \(1 << 24)", got: "\(extent)")
      }
    }
    for at in sized.inputs.indices {
      for (axis, name) in sized.inputs[at].free {
        if let extent = sizes[name] { sized.inputs[at].dimensions[axis] = extent }
      }
      let shape = sized.inputs[at].shape(rows: 1)
      guard let count = shape.span, count <= limits.elements else {
        throw GraphError(
          .tooLarge, at: "input '\(inputs[at].name.clipped())'", expected: "at most \(limits.elements) elements",
          got: "\(shape)")
      }
    }
    return sized
  }
}

// MARK: - The sizes that a file is read with

extension Graph {
  /// Sides of pictures that networks are made for, the usual ones first.
  private static let sides = [224, 256, 299, 320, 384, 416, 512, 640, 128, 96, 64, 48, 32, 28, 16, 8, 4, 2, 1]
  /// Lengths of sequences, likewise.
  private static let lengths = [16, 32, 64, 128, 256, 384, 512, 8, 4, 2, 1]
  /// Tries of a file, at most, and nodes that they go through: each ends at the first that does not fit.
  private static let mostTries = 64, mostTriedNodes = 200_000

  /// Some sizes of the free axes that fit all nodes: the usual ones of pictures and sequences first, then extents that
  /// constants have.
  /// - Parameters:
  ///   - most: how many are wanted.
  ///   - known: sizes to begin with.
  /// - Throws: where none does, why the first does not.
  func fittingSizes(
    _ most: Int, _ limits: OnnxLimits, known: [[String: Int]] = []
  ) throws(GraphError) -> [[String: Int]] {
    let tries = min(Self.mostTries, max(Self.mostTriedNodes / max(nodes.count, 1), 8))
    var found: [[String: Int]] = [], first: GraphError?
    for sizes in (known + triedSizes.filter { !known.contains($0) }).prefix(tries) where found.count < most {
      do throws(GraphError) {
        _ = try fitted(sizes, limits)
        found.append(sizes)
      } catch { first = first ?? error }
    }
    if found.isEmpty, var first {
      first.advice = "no usual size of its free axes fits its nodes: say one with --shape, or export with fixed extents"
      throw first
    }
    return found
  }

  private var triedSizes: [[String: Int]] {
    let names = sizes.keys.sorted()
    guard !names.isEmpty else { return [[:]] }
    let isPicture = inputs.contains { $0.dimensions.count >= 4 && $0.free.count >= 2 }
    var tried: [[String: Int]] = []
    func all(_ extent: Int) -> [String: Int] { Dictionary(uniqueKeysWithValues: names.map { ($0, extent) }) }
    let usual = isPicture ? Self.sides : Self.lengths
    tried += usual.map(all)
    // Channels may be free too, in front or behind.
    for input in inputs where input.dimensions.count >= 4 {
      for channels in [input.free[1], input.free[input.dimensions.count - 1]].compactMap({ $0 }) {
        for side in usual.prefix(5) {
          for count in [3, 1] { tried.append(all(side).merging([channels: count]) { $1 }) }
        }
      }
    }
    let known = Set(literals.values.flatMap { $0.type.shape.dimensions }).filter { (1...1 << 16).contains($0) }
    tried += known.sorted().prefix(24).map(all)
    return tried
  }
}

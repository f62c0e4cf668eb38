import DitherBasics
import DitherTensor
import Foundation

// Free axes of a file while it is read: pinned where its metadata say so, and of one size that fits its nodes.

extension Graph {
  /// The key of the shapes that pin free axes, as a JSON object: {"image": [3, 224, 224]}, of one example each.
  public static let shapeKey = "dither.shape"
  /// The key of the conditions whose branch stands in the place of an `If`, and of what they were, as a JSON object by
  /// the names of values: {"is_wide": true}. Sizes of free axes that turn one are refused.
  public static let branchesKey = "dither.branches"
}

extension OnnxMetadata {
  /// The file with the shapes of its inputs pinned in its metadata.
  /// - Parameter shapes: of one example each; a name may be left out where there is one input.
  /// - Throws: where the file is malformed, or a name is none of its inputs.
  public static func pinning(
    _ shapes: [(name: String?, shape: [Int])], of file: [UInt8], limits: OnnxLimits = .standard
  ) throws(GraphError) -> [UInt8] {
    let proto = try OnnxReader(file, limits).model.graph, constants = Set(proto.initializer.map(\.name))
    let names = proto.input.map(\.name).filter { !constants.contains($0) }
    var pinned: [String: [Int]] = [:]
    for (name, shape) in shapes {
      guard let name = name ?? (names.count == 1 ? names[0] : nil), names.contains(name), pinned[name] == nil else {
        throw GraphError(
          .shape, at: "shape", expected: "each once of \(names.map { "'\($0)'" }.joined(separator: ", "))".clipped(),
          got: name.map { "'\($0.clipped())'" } ?? "one without a name",
          advice: name.flatMap { nearest(to: $0, among: names) }.map { "did you mean '\($0)'?" })
      }
      pinned[name] = shape
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(pinned) else { return file }
    return try setting(String(decoding: json, as: UTF8.self), for: Graph.shapeKey, in: file)
  }
}

extension OnnxReader {
  /// Fixes the free axes of which the metadata say a shape.
  mutating func pinShape() throws(GraphError) {
    guard let text = graph.metadata.removeValue(forKey: Graph.shapeKey) else { return }
    let place = "metadata_props '\(Graph.shapeKey)'"
    guard let shapes = try? JSONDecoder().decode([String: [Int]].self, from: Data(text.utf8)), !shapes.isEmpty,
      shapes.values.allSatisfy({ $0.count < limits.rank && $0.allSatisfy { (1...1 << 24).contains($0) } })
    else {
      throw GraphError(
        .shape, at: place, expected: "shapes of one example by input as JSON, {\"image\": [3, 224, 224]}",
        got: text.clipped())
    }
    let names = graph.inputs.map(\.name)
    if let stranger = shapes.keys.sorted().first(where: { !names.contains($0) }) {
      throw GraphError(
        .shape, at: place, expected: names.map { "'\($0)'" }.joined(separator: ", ").clipped(),
        got: "'\(stranger.clipped())'", advice: nearest(to: stranger, among: names).map { "did you mean '\($0)'?" })
    }
    for input in graph.inputs where input.free.isEmpty {
      guard let shape = shapes[input.name], Shape(shape) != input.shape(rows: 1).row else { continue }
      throw GraphError(.shape, at: place, expected: "'\(input.name.clipped())' of \(input.words)", got: "\(shape)")
    }
    let sizes = try graph.sizes(of: graph.inputs.map { shapes[$0.name].map { Shape($0) } })
    graph = try graph.withExtents(sizes, limits)
    for at in graph.inputs.indices {
      graph.inputs[at].free = graph.inputs[at].free.filter { sizes[$0.value] == nil }
    }
  }

  /// The conditions of branches that the file was written with.
  mutating func readBranches() throws(GraphError) {
    guard let text = graph.metadata.removeValue(forKey: Graph.branchesKey), !graph.sizes.isEmpty else { return }
    let place = "metadata_props '\(Graph.branchesKey)'"
    guard let said = try? JSONDecoder().decode([String: Bool].self, from: Data(text.utf8)) else {
      throw GraphError(
        .malformed, at: place, expected: "truth values by the names of conditions as JSON, {\"is_wide\": true}",
        got: text.clipped())
    }
    for (name, holds) in said.sorted(by: { $0.key < $1.key }) {
      guard let id = values[name], graph.literals[id] == nil else {
        throw GraphError(
          .missing, at: place, expected: "values that nodes put out", got: "'\(name.clipped())'")
      }
      graph.branches[id] = holds
    }
  }

  /// Gives the free axes extents that fit what was read so far.
  mutating func settleSizes() throws(GraphError) { graph = try sizedToFit(1)[0] }

  /// The graph as far as it was read, for some sizes that fit it; as it is where no axis is free.
  mutating func sizedToFit(_ most: Int) throws(GraphError) -> [Graph] {
    guard !graph.sizes.isEmpty else { return [graph] }
    fitting = try graph.fittingSizes(most, limits, known: fitting)
    var graphs: [Graph] = []
    for sizes in fitting { graphs.append(try graph.withExtents(sizes, limits)) }
    return graphs
  }
}

extension Graph {
  /// - Parameter types: of all values, for inputs of this size.
  /// - Throws: where a branch was read in the place of an `If` that takes the other one for this size.
  func checkBranches(_ types: [TensorType?]) throws(GraphError) {
    for (condition, isTaken) in branches.sorted(by: { $0.key.index < $1.key.index }) {
      guard types[condition.index]?.known != [isTaken ? 1 : 0] else { continue }
      throw GraphError(
        .shape, at: "value '\(valueNames[condition.index].clipped())', a condition of If",
        expected: "\(isTaken), as for the size that the file was read with", got: "another",
        advice: "pin the size with --shape when the file is read")
    }
  }
}

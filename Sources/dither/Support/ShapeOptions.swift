import ArgumentParser
import DitherBasics
import DitherGraph

/// `--shape`, which pins axes that a model's file leaves free.
struct ShapeOptions: ParsableArguments {
  /// One example's shape.
  struct Said: ExpressibleByArgument {
    /// nil: of the one input.
    var name: String?
    var shape: [Int]

    init?(argument: String) {
      // A name may have any signs in it, a shape has none of these.
      let at = argument.lastIndex(of: "=")
      name = at.map { String(argument[..<$0]) }
      let extents = argument[(at.map { argument.index(after: $0) } ?? argument.startIndex)...]
        .split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      shape = extents.compactMap { $0 }
      guard shape.count == extents.count, shape.count < 8, shape.allSatisfy({ (1...1 << 24).contains($0) }) else {
        return nil
      }
    }
  }

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      """
      The shape of one example, which pins the axes beside the batch that the file leaves free, as 3x224x224 or \
      image=3x224x224; repeat for each input. (default: they take the size of what comes)
      """, valueName: "shape"))
  var shapes: [Said] = []

  /// The file with these shapes in its metadata; as it is where none was said.
  /// - Throws: where a name is no input's.
  func laid(over file: [UInt8]) throws -> [UInt8] {
    shapes.isEmpty ? file : try OnnxMetadata.pinning(shapes.map { ($0.name, $0.shape) }, of: file)
  }
}
